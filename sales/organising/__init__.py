"""What organisers do: many seats at once, events from draft to close, plans and their versions."""
