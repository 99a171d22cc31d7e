"""What is allowed: the policy of an organisation and its departments."""
