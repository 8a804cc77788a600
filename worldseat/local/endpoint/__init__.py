"""Regional endpoints that stand in for Aurora DSQL on loopback, in front of one PostgreSQL."""
