"""What happens at the guards, for code that counts, watches or traces it: three signals of Blinker, as Flask has them.

Connect a receiver with ``token_refused.connect(receiver, app)``. Receivers run during the request, after the decision:
one that raises is logged, changes no answer, and keeps no other receiver from hearing.
"""

from __future__ import annotations

from blinker import NamedSignal, Namespace

__all__ = ["token_accepted", "token_refused", "access_overridden"]

_SIGNALS = Namespace()

#: A request has passed its guard with a token. Sent once for each request. Receivers take the ``app``, the ``token``
#: (an ``AccessToken``), and ``remembered``: whether the token was verified before and only had to be looked up.
token_accepted: NamedSignal = _SIGNALS.signal("token-accepted")

#: A guard has refused a request. Receivers take the ``app``, the ``error`` (an ``AuthError``, whose ``code`` says why)
#: and the ``route``: the URL rule, or an empty text.
token_refused: NamedSignal = _SIGNALS.signal("token-refused")

#: A caller may use the path of another user, because of ``unless_scope`` or ``unless_role``. Sent before
#: ``token_accepted``. Receivers take the ``app``, the ``token`` of the caller, and the ``owner`` that the path names.
access_overridden: NamedSignal = _SIGNALS.signal("access-overridden")
