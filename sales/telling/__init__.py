"""From the outbox to who is to be told: webhooks of organisations, e-mails to fans.

`draining` makes deliveries and mails of what happened, a transaction each batch; `delivering` and
`mailing` then send them, each with its own tries. Two workers at once do no harm: both write the
rows they claim, and one of them loses.
"""
