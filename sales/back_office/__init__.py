"""The organiser's back office: orders, the counter, lists, reports, the dashboard."""
