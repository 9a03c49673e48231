"""How documents are executed: kept parsed, and run column by column."""
