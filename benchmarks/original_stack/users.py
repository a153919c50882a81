"""Who is calling, by python-jose, and whether the path is theirs."""

from __future__ import annotations

import os
from typing import Annotated

from fastapi import Depends, HTTPException, status
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from jose import JWTError, jwt

SECRET = os.environ["BETTER_AUTH_SECRET"]
ALGORITHM = "HS256"

Credentials = Annotated[HTTPAuthorizationCredentials, Depends(HTTPBearer())]


def get_current_user(credentials: Credentials) -> str:
    """Return the user that the token names, or answer 401."""
    refusal = HTTPException(status.HTTP_401_UNAUTHORIZED, "Could not validate credentials")
    try:
        claims = jwt.decode(credentials.credentials, SECRET, algorithms=[ALGORITHM])
    except JWTError as error:
        raise refusal from error
    user_id: str | None = claims.get("sub")
    if user_id is None:
        raise refusal
    return user_id


def get_path_user(user_id: str, current_user: Annotated[str, Depends(get_current_user)]) -> str:
    """Return the user of the path if it is the one of the token, or answer 403."""
    if user_id != current_user:
        raise HTTPException(status.HTTP_403_FORBIDDEN, "Not authorized to access this user's tasks")
    return current_user
