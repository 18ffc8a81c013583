"""The exchange's wire: REST and sockets in the shapes Delta documents. Knows JSON and HTTP, decides no trade."""
