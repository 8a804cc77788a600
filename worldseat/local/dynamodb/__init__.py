"""A DynamoDB API for each region on loopback, with global tables: what stampedes compare with."""
