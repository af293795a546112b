"""The shapes of people and their keys in the OpenAPI schema."""

from __future__ import annotations

from rest_framework import serializers as s

from integration.api.shapes import Shape, answer_shape, maybe, maybe_time, page_shape
from orders.models import Role


class MemberBranch(Shape):
    """A branch that a member works in."""

    id = s.UUIDField()
    name = s.CharField()


class Member(Shape):
    """A person in a company."""

    id = s.UUIDField()
    username = s.CharField()
    name = maybe()
    email = maybe()
    role = s.ChoiceField(Role.choices)
    branches = MemberBranch(many=True, allow_null=True, help_text="null: all of them.")
    isActive = s.BooleanField()
    joinedAt = s.DateTimeField()
    lastSignInAt = maybe_time()


class NewMember(Member):
    """A person in a company, and the password, shown once."""

    password = s.CharField()


class MemberChange(Shape):
    """Only what is named changes."""

    role = s.ChoiceField(Role.choices, required=False)
    branches = s.ListField(child=s.UUIDField(), required=False, allow_null=True, help_text="null: all of them.")


class MemberRequest(Shape):
    """A person to add."""

    username = s.CharField(max_length=150)
    email = s.EmailField(required=False)
    name = s.CharField(required=False, max_length=150)
    role = s.ChoiceField(Role.choices)
    branches = s.ListField(child=s.UUIDField(), required=False, allow_null=True, help_text="null: all of them.")


class Removed(Shape):
    """What is gone."""

    id = s.UUIDField()
    deleted = s.BooleanField()


class MemberRemoved(Removed):
    """Who is gone, with so many tokens."""

    revokedTokens = s.IntegerField()


MemberPage = page_shape("MemberPage", Member)
MemberAnswer = answer_shape("MemberAnswer", Member())
NewMemberAnswer = answer_shape("NewMemberAnswer", NewMember())
MemberRemovedAnswer = answer_shape("MemberRemovedAnswer", MemberRemoved())


class Token(Shape):
    """A key for programs, without the key."""

    id = s.UUIDField()
    name = s.CharField()
    username = s.CharField(help_text="Whom it acts as.")
    createdAt = s.DateTimeField()
    lastUsedAt = maybe_time()
    expiresAt = maybe_time()


class NewToken(Token):
    """A key for programs, shown once."""

    key = s.CharField()


class TokenRequest(Shape):
    """A name to know it by."""

    name = s.CharField(max_length=100)


TokenPage = page_shape("TokenPage", Token)
TokenAnswer = answer_shape("TokenAnswer", Token())
NewTokenAnswer = answer_shape("NewTokenAnswer", NewToken())
TokenRevokedAnswer = answer_shape("TokenRevokedAnswer", Removed())
