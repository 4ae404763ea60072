"""What learns: pure functions from pages to proposals, their training and their measurement. No database, no clock."""
