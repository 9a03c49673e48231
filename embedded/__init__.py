"""The servers that let all of clipgraph run on one machine: a Firestore and an S3 server, both over a folder."""
