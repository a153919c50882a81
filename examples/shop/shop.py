"""A small shop: customers place, read and cancel their own orders, and the staff sends them.

Flask-SQLAlchemy keeps the orders, flask-smorest checks what comes in and writes the OpenAPI document, and Flask-CORS
lets the pages of the shop call from a browser. The decorators on each view say who may enter.
"""

from __future__ import annotations

from typing import Any

from flask import Flask
from flask.views import MethodView
from flask_cors import CORS
from flask_resource_server import ResourceServer, current_token, owns_path_user, public, require_jwt
from flask_smorest import Api, Blueprint, abort
from flask_sqlalchemy import SQLAlchemy
from marshmallow import Schema, fields, validate
from sqlalchemy import ForeignKey, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

#: What the shop sells, and the prices in cents.
PRODUCTS = {"mug": 900, "shirt": 2500, "sticker": 150}

DEFAULTS: dict[str, Any] = {
    "SQLALCHEMY_DATABASE_URI": "sqlite:///shop.sqlite3",
    "SHOP_ORIGINS": [],  # the origins whose pages may call, such as https://shop.example.com
    "AUTH_DENY_BY_DEFAULT": True,  # a view that does not say who may enter lets nobody in
    "API_TITLE": "Shop",
    "API_VERSION": "1",
    "OPENAPI_VERSION": "3.1.0",
    "OPENAPI_URL_PREFIX": "/",
}


class Base(DeclarativeBase):
    """The base of all rows."""


db = SQLAlchemy(model_class=Base)
blueprint = Blueprint("shop", __name__, description="Products and orders.")


class Customer(Base):
    """A user as the shop knows them. The id is the one in their access tokens."""

    __tablename__ = "customer"
    id: Mapped[str] = mapped_column(primary_key=True)
    orders: Mapped[list[Order]] = relationship(order_by="Order.id")


class Order(Base):
    """What a customer wants to have."""

    __tablename__ = "order"
    id: Mapped[int] = mapped_column(primary_key=True)
    customer_id: Mapped[str] = mapped_column(ForeignKey("customer.id"), index=True)
    product: Mapped[str]
    quantity: Mapped[int]
    sent: Mapped[bool] = mapped_column(default=False)


class OrderSchema(Schema):
    """An order in JSON."""

    id = fields.Integer(dump_only=True)
    customer_id = fields.String(dump_only=True)
    product = fields.String(required=True, validate=validate.OneOf(sorted(PRODUCTS)))
    quantity = fields.Integer(load_default=1, strict=True, validate=validate.Range(1, 100))
    sent = fields.Boolean(dump_only=True)


def this_customer() -> Customer:
    """Return the row of the user of this request, and make it when they come for the first time."""
    user_id = current_token.user_id
    customer = db.session.get(Customer, user_id)
    if customer is not None:
        return customer
    try:
        with db.session.begin_nested():
            db.session.add(Customer(id=user_id))
    except IntegrityError:
        pass  # Another request of the same user has made it in the meantime.
    return db.session.get_one(Customer, user_id)


def order_of(user_id: str, order_id: int) -> Order:
    """Return an order of a user. Another user's order is 404, as one that does not exist."""
    order = db.session.scalar(select(Order).filter_by(id=order_id, customer_id=user_id))
    return order or abort(404, message="There is no such order.")


@blueprint.route("/users/<user_id>/orders")
@require_jwt
@owns_path_user
class Orders(MethodView):
    """The orders of one user, for that user."""

    @blueprint.response(200, OrderSchema(many=True))
    def get(self, user_id: str) -> list[Order]:
        """List the user's orders."""
        return this_customer().orders

    @require_jwt(scopes="orders:write")
    @blueprint.arguments(OrderSchema)
    @blueprint.response(201, OrderSchema)
    def post(self, order: dict[str, Any], user_id: str) -> Order:
        """Place an order."""
        placed = Order(customer_id=this_customer().id, **order)
        db.session.add(placed)
        db.session.commit()
        return placed


@blueprint.route("/users/<user_id>/orders/<int:order_id>")
@require_jwt
@owns_path_user
class OneOrder(MethodView):
    """One order, for the user whose order it is."""

    @blueprint.response(200, OrderSchema)
    def get(self, user_id: str, order_id: int) -> Order:
        """Show an order."""
        return order_of(user_id, order_id)

    @require_jwt(scopes="orders:write")
    @blueprint.response(204)
    def delete(self, user_id: str, order_id: int) -> None:
        """Cancel an order that has not been sent."""
        order = order_of(user_id, order_id)
        if order.sent:
            abort(409, message="The order has been sent.")
        db.session.delete(order)
        db.session.commit()


@blueprint.route("/orders/<int:order_id>/shipment", methods=["PUT"])
@require_jwt(scopes="orders:send")
@blueprint.response(200, OrderSchema)
def send(order_id: int) -> Order:
    """Send an order of any user: for the staff."""
    order = db.session.get(Order, order_id) or abort(404, message="There is no such order.")
    order.sent = True
    db.session.commit()
    return order


@blueprint.route("/products")
@public
@blueprint.response(200)
def products() -> dict[str, int]:
    """List the products and their prices in cents: for everybody."""
    return PRODUCTS


def create_app(config: dict[str, Any] | None = None) -> Flask:
    """Return the shop. Its settings are environment variables that begin with ``FLASK_``, then ``config``."""
    app = Flask(__name__, static_folder=None)
    app.config.update(DEFAULTS)
    app.config.from_prefixed_env()
    app.config.update(config or {})
    db.init_app(app)
    CORS(app, origins=app.config["SHOP_ORIGINS"], expose_headers=["WWW-Authenticate"])
    ResourceServer(app)
    Api(app).register_blueprint(blueprint)
    app.view_functions["api-docs.openapi_json"] = public(app.view_functions["api-docs.openapi_json"])
    with app.app_context():
        db.create_all()
    return app
