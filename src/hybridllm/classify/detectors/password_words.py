"""Words around passwords, as data: cues, and what people say about passwords.

Answers: after which words may a password stand, and which words are none?
Not here: judging a value (`passwords`). Source: own collection.
"""

from __future__ import annotations

CUES = {
    "password": (
        "password", "passwd", "passphrase", "passcode", "pwd", "pw", "pass", "p/w", "passwort",
        "パスワード", "|パス|", "パスコード", "パスフレーズ", "合言葉", "ぱすわーど", "pass word",
        "db_pass", "p@ssword", "passw0rd", "p@ssw0rd", "ログイン情報", "login", "logon", "log in",
        "credentials", "wi-fi key", "wifi key", "wpa2", "unlock code", "ログイン", "暗号化キー",
        "pswd", "psk", "creds",
    ),
    "secret": (
        "api key", "apikey", "api_key", "api-key", "secret key", "secret_key", "access key",
        "access_key", "secret", "client_secret", "client secret", "auth token", "auth_token",
        "token", "access token", "access_token", "apiキー", "シークレット", "トークン",
        "アクセスキー", "秘密鍵", "シークレットキー", "private key", "secret_access_key",
        "signing key", "encryption key", "license key", "x-api-key", "authtoken", "webhook secret",
    ),
    "pin": (
        "pin", "pin code", "暗証番号", "pinコード", "暗証", "pin number", "passcode", "door code",
        "access code", "entry code", "alarm code", "gate code", "解錠番号", "暗証コード",
        "入室コード", "パスコード", "ロック番号", "security code", "cvv", "cvc",
        "セキュリティコード", "認証コード", "ワンタイムパスワード", "otp", "verification code",
        "確認コード",
    ),
}  # fmt: skip

PLAIN_WORDS = frozenset(
    """
    required optional expired wrong incorrect invalid correct valid empty missing null none true
    false string text reset changed shared stored saved hashed encrypted weak strong secure safe
    needed unknown hidden forgotten compromised leaked protected blank same different unique being
    used sent here there what when where which that this these those your their with from have has
    will must should could would can may might manager policy field input length case sensitive
    hash type character characters please contact about every never always too very only also just
    still already working updated generated provided email username user login account page form
    screen button link reset-password admin default system token secret value varchar char number
    integer boolean object array undefined example placeholder masked redacted removed confidential
    internal below above attached following not good bad long short simple complex easy hard random
    available somewhere written known public
    """.split()
)
"""Words that follow `password is` without being one."""
