"""What each kind of database needs: one file a kind."""
