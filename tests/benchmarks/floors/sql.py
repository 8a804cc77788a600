"""The naive sale alone, as SQL with psycopg's placeholders."""

SELECT = """
    SELECT s.status, s.category_id, c.price_minor, e.currency FROM sales_seat s
    JOIN sales_event e ON e.id = s.event_id JOIN sales_pricecategory c ON c.id = s.category_id
    WHERE s.id = %s AND s.event_id = %s
"""
UPDATE = "UPDATE sales_seat SET status = 'sold', changed_at = now() WHERE id = %s"
ORDER = """
    INSERT INTO sales_order (id, reference, event_id, fan_id, state, total_minor, fees_minor,
        refunded_minor, currency, region, created_at)
    VALUES (%s, %s, %s, %s, 'paid', %s, 0, 0, %s, 'us-east-1', now())
"""
TICKET = """
    INSERT INTO sales_ticket (id, order_id, event_id, seat_id, fan_id, state, price_minor,
        fee_minor, price_type, currency, created_at, issue)
    VALUES (%s, %s, %s, %s, %s, 'valid', %s, 0, '', %s, now(), 1)
"""
