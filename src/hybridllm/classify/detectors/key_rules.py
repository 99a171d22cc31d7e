"""Shapes of provider keys, as data: what each provider's tokens look like.

Answers: which literal starts a key of this provider, and what follows it?
Not here: finding and judging them (`keys`).

Prefixes are published by the providers for secret scanning, so that a leaked key can
be told apart from other text. Bodies are bounded; `w` stands for letters, digits,
`-` and `_`. A user's own rules come from a file (`rule_files`).
"""

from __future__ import annotations

from typing import NamedTuple


class KeyRule(NamedTuple):
    """One kind of key.

    Attributes:
        provider: Who issues it.
        prefix: Literal start, case-sensitive.
        body: Regular expression for the rest, bounded.
    """

    provider: str
    prefix: str
    body: str


_W = "[A-Za-z0-9_-]"
_A = "[A-Za-z0-9]"
_H = "[0-9a-f]"

KEY_RULES: tuple[KeyRule, ...] = (
    KeyRule("AWS access key", "AKIA", "[A-Z0-9]{16}"),
    KeyRule("AWS temporary key", "ASIA", "[A-Z0-9]{16}"),
    KeyRule("AWS bearer token", "ABSK", "[A-Za-z0-9+/]{60,160}={0,2}"),
    KeyRule("Anthropic", "sk-ant-", f"{_W}{{20,180}}"),
    KeyRule("OpenAI", "sk-", f"{_W}{{20,200}}"),
    KeyRule("OpenRouter", "sk-or-", f"{_W}{{20,120}}"),
    KeyRule("Groq", "gsk_", f"{_A}{{30,80}}"),
    KeyRule("xAI", "xai-", f"{_A}{{40,100}}"),
    KeyRule("Perplexity", "pplx-", f"{_A}{{30,80}}"),
    KeyRule("Replicate", "r8_", f"{_A}{{30,60}}"),
    KeyRule("Hugging Face", "hf_", f"{_A}{{25,60}}"),
    KeyRule("Pinecone", "pcsk_", f"{_W}{{30,100}}"),
    KeyRule("LangSmith", "lsv2_", f"{_W}{{30,80}}"),
    KeyRule("GitHub", "ghp_", f"{_A}{{30,60}}"),
    KeyRule("GitHub OAuth", "gho_", f"{_A}{{30,60}}"),
    KeyRule("GitHub user", "ghu_", f"{_A}{{30,60}}"),
    KeyRule("GitHub server", "ghs_", f"{_A}{{30,60}}"),
    KeyRule("GitHub refresh", "ghr_", f"{_A}{{30,80}}"),
    KeyRule("GitHub fine-grained", "github_pat_", "[A-Za-z0-9_]{40,100}"),
    KeyRule("GitLab", "glpat-", "[A-Za-z0-9_.-]{18,80}"),
    KeyRule("GitLab runner", "glrt-", "[A-Za-z0-9_.-]{18,80}"),
    KeyRule("Atlassian", "ATATT3", "[A-Za-z0-9_=-]{40,240}"),
    KeyRule("Slack", "xoxb-", "[A-Za-z0-9-]{20,120}"),
    KeyRule("Slack user", "xoxp-", "[A-Za-z0-9-]{20,120}"),
    KeyRule("Slack refresh", "xoxe", "[A-Za-z0-9.-]{20,180}"),
    KeyRule("Slack app", "xapp-", "[A-Za-z0-9-]{20,140}"),
    KeyRule("Slack legacy", "xoxa-", "[A-Za-z0-9-]{20,120}"),
    KeyRule("Slack webhook", "hooks.slack.com/services/", "[A-Za-z0-9/+]{30,80}"),
    KeyRule("Stripe", "sk_live_", f"{_A}{{16,120}}"),
    KeyRule("Stripe test", "sk_test_", f"{_A}{{16,120}}"),
    KeyRule("Stripe restricted", "rk_live_", f"{_A}{{16,120}}"),
    KeyRule("Stripe webhook", "whsec_", "[A-Za-z0-9+/=]{24,80}"),
    KeyRule("Google API", "AIza", f"{_W}{{35}}"),
    KeyRule("Google OAuth", "ya29.", f"{_W}{{20,240}}"),
    KeyRule("Google client secret", "GOCSPX-", f"{_W}{{20,40}}"),
    KeyRule("SendGrid", "SG.", f"{_W}{{16,32}}\\.{_W}{{16,64}}"),
    KeyRule("Twilio", "SK", f"{_H}{{32}}"),
    KeyRule("Mailgun", "key-", f"{_H}{{32}}"),
    KeyRule("Mailchimp", "xkeysib-", f"{_W}{{40,100}}"),
    KeyRule("DigitalOcean", "dop_v1_", f"{_H}{{64}}"),
    KeyRule("Databricks", "dapi", f"{_H}{{32}}"),
    KeyRule("Docker", "dckr_pat_", f"{_W}{{20,60}}"),
    KeyRule("npm", "npm_", f"{_A}{{36}}"),
    KeyRule("PyPI", "pypi-", f"{_W}{{50,220}}"),
    KeyRule("RubyGems", "rubygems_", f"{_H}{{48}}"),
    KeyRule("Shopify", "shpat_", "[0-9a-fA-F]{32}"),
    KeyRule("Shopify secret", "shpss_", "[0-9a-fA-F]{32}"),
    KeyRule("Square", "sq0atp-", f"{_W}{{20,40}}"),
    KeyRule("Square secret", "sq0csp-", f"{_W}{{40,60}}"),
    KeyRule("Linear", "lin_api_", f"{_A}{{30,60}}"),
    KeyRule("Notion", "ntn_", f"{_A}{{40,60}}"),
    KeyRule("Notion legacy", "secret_", f"{_A}{{40,50}}"),
    KeyRule("Figma", "figd_", f"{_W}{{30,60}}"),
    KeyRule("Grafana", "glsa_", "[A-Za-z0-9_]{30,60}"),
    KeyRule("Grafana cloud", "glc_", "[A-Za-z0-9+/=]{30,240}"),
    KeyRule("Vault", "hvs.", f"{_W}{{24,160}}"),
    KeyRule("Postman", "PMAK-", f"{_W}{{40,80}}"),
    KeyRule("New Relic", "NRAK-", "[A-Z0-9]{27}"),
    KeyRule("Doppler", "dp.pt.", f"{_A}{{40,50}}"),
    KeyRule("Supabase", "sbp_", f"{_H}{{40}}"),
    KeyRule("Sentry", "sntrys_", "[A-Za-z0-9+/=_]{40,240}"),
    KeyRule("Heroku", "HRKU-", f"{_W}{{30,80}}"),
    KeyRule("age", "AGE-SECRET-KEY-1", "[A-Z0-9]{50,62}"),
    KeyRule("Tailscale", "tskey-", f"{_W}{{20,80}}"),
    KeyRule("PlanetScale", "pscale_tkn_", f"{_W}{{30,60}}"),
    KeyRule("Cloudflare", "cfat_", f"{_W}{{30,60}}"),
    KeyRule("Fly", "fo1_", f"{_W}{{40,60}}"),
    KeyRule("Azure storage", "AccountKey=", "[A-Za-z0-9+/]{60,100}={0,2}"),
    KeyRule("Azure shared access", "SharedAccessKey=", "[A-Za-z0-9+/]{40,60}={0,2}"),
)
