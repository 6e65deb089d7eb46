"""A catalogue of real libraries and books: the data, the tables, the queries, the handlers."""
