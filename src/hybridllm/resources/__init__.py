"""The OpenAI SDK's namespaces: they translate between its types and frozen values."""
