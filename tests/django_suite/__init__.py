"""Django's own test suite, run against worldseat.dsql behind the rules of DSQL."""
