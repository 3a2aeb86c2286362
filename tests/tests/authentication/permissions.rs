//! What a caller may do: a user by scopes, an application by roles, and neither by the other's
//! (Entra ID, scopes and app roles).

use serde_json::json;

use super::call::Call;
use super::change::{claim, good};
use super::table::{accepting, check};
use super::world::{application, two_tenants};

/// A call of an application. `create-order` is for users, so it reads.
fn app() -> Call {
    Call::with(two_tenants, application()).reading()
}

#[test]
fn a_scope_counts_whole_and_to_the_letter() {
    // What either function asks for; the other's scope never does.
    check(
        two_tenants(),
        &[
            accepting("both scopes", good)
                .but_not("none", "missing_permission", claim("scp", ""))
                .but_not("a space", "missing_permission", claim("scp", " "))
                .but_not(
                    "another",
                    "missing_permission",
                    claim("scp", "Orders.Delete"),
                )
                .but_not(
                    "both in lower case",
                    "missing_permission",
                    claim("scp", "orders.read orders.write"),
                )
                .but_not(
                    "both in upper case",
                    "missing_permission",
                    claim("scp", "ORDERS.READ ORDERS.WRITE"),
                )
                .but_not(
                    "their beginning",
                    "missing_permission",
                    claim("scp", "Orders. Orders"),
                )
                .but_not(
                    "more than they are",
                    "missing_permission",
                    claim("scp", "Orders.Read.All Orders.Write.All"),
                )
                .but_not(
                    "something before them",
                    "missing_permission",
                    claim("scp", "All.Orders.Read All.Orders.Write"),
                )
                .but_not(
                    "both as full names",
                    "missing_permission",
                    claim("scp", "api://orders/Orders.Read api://orders/Orders.Write"),
                )
                .but_not("all of them", "missing_permission", claim("scp", "*"))
                .but_not(".default", "missing_permission", claim("scp", ".default"))
                .but_not(
                    "user_impersonation",
                    "missing_permission",
                    claim("scp", "user_impersonation"),
                )
                .but_not(
                    "a tab between them",
                    "missing_permission",
                    claim("scp", "Orders.Read\tOrders.Write"),
                )
                .but_not(
                    "a line end between them",
                    "missing_permission",
                    claim("scp", "Orders.Read\nOrders.Write"),
                )
                .but_not(
                    "a comma between them",
                    "missing_permission",
                    claim("scp", "Orders.Read,Orders.Write"),
                )
                .but_not(
                    "another space between them",
                    "missing_permission",
                    claim("scp", "Orders.Read\u{a0}Orders.Write"),
                )
                .but_not(
                    "nothing between them",
                    "missing_permission",
                    claim("scp", "Orders.ReadOrders.Write"),
                )
                .but_not(
                    "letters that look like them",
                    "missing_permission",
                    claim("scp", "Оrders.Read Оrders.Write"),
                )
                .but_not("both in another claim", "missing_permission", |call| {
                    call.token(|token| {
                        token
                            .without("scp")
                            .claim("scope", "Orders.Read Orders.Write")
                    })
                })
                .but_not("both in upper case claim", "missing_permission", |call| {
                    call.token(|token| {
                        token
                            .without("scp")
                            .claim("SCP", "Orders.Read Orders.Write")
                    })
                })
                .but_not(
                    "a list of them",
                    "claim",
                    claim("scp", json!(["Orders.Read", "Orders.Write"])),
                ),
            accepting("both in the other order", || {
                claim("scp", "Orders.Write Orders.Read")(good())
            }),
            accepting("both among others", || {
                claim("scp", "openid Orders.Write profile Orders.Read")(good())
            }),
            accepting("two spaces between them", || {
                claim("scp", "Orders.Read  Orders.Write")(good())
            }),
        ],
    );
}

#[test]
fn a_scope_of_one_function_is_none_of_another() {
    check(
        two_tenants(),
        &[accepting("the scope that reads", || {
            claim("scp", "Orders.Read")(good()).reading()
        })
        .but_not(
            "the scope that writes",
            "missing_permission",
            claim("scp", "Orders.Write"),
        )],
    );
    let writing = || claim("scp", "Orders.Write")(good());
    check(
        two_tenants(),
        &[accepting("the scope that writes", writing)
            .but_not(
                "the scope that reads",
                "missing_permission",
                claim("scp", "Orders.Read"),
            )
            .only(&[super::call::Way::Envelope])],
    );
}

#[test]
fn a_role_counts_for_an_application_and_a_scope_for_a_user() {
    let by_shape = || app().token(|token| token.without("idtyp"));
    check(
        two_tenants(),
        &[
            accepting("an application with the role", app)
                .but_not(
                    "with another",
                    "missing_permission",
                    claim("roles", json!(["Orders.Write.All"])),
                )
                .but_not("with none", "missing_permission", claim("roles", json!([])))
                .but_not("without roles", "missing_permission", |call| {
                    call.token(|token| token.without("roles"))
                })
                .but_not(
                    "with it in lower case",
                    "missing_permission",
                    claim("roles", json!(["orders.read.all"])),
                )
                .but_not(
                    "with it among others in one text",
                    "missing_permission",
                    claim("roles", json!(["Orders.Read.All Other"])),
                )
                .but_not(
                    "with the scope as a role",
                    "missing_permission",
                    claim("roles", json!(["Orders.Read"])),
                )
                .but_not(
                    "with a role in another claim",
                    "missing_permission",
                    |call| {
                        call.token(|token| {
                            token
                                .without("roles")
                                .claim("role", json!(["Orders.Read.All"]))
                        })
                    },
                )
                .but_not("with a group of its name", "missing_permission", |call| {
                    call.token(|token| {
                        token
                            .without("roles")
                            .claim("groups", json!(["Orders.Read.All"]))
                    })
                })
                .but_not(
                    "with a directory role of its name",
                    "missing_permission",
                    |call| {
                        call.token(|token| {
                            token
                                .without("roles")
                                .claim("wids", json!(["Orders.Read.All"]))
                        })
                    },
                )
                .but_not(
                    "with a scope beside it",
                    "contradictory_permissions",
                    claim("scp", "Orders.Read"),
                )
                .but_not(
                    "with an empty scope beside it",
                    "contradictory_permissions",
                    claim("scp", ""),
                )
                .but_not(
                    "with another kind of identity",
                    "missing_permission",
                    claim("idtyp", "user"),
                )
                .but_not(
                    "with its kind in upper case",
                    "missing_permission",
                    claim("idtyp", "App"),
                )
                .but_not(
                    "with an empty kind",
                    "missing_permission",
                    claim("idtyp", ""),
                ),
            accepting("an application by its shape", by_shape)
                .but_not(
                    "a user in its shape",
                    "missing_permission",
                    claim("sub", "hKq3bXc0Yd9v2LmZ8sTn5RwPq1JgUe7FaVxB6oCyDzE"),
                )
                .but_not("one without a subject", "missing_permission", |call| {
                    call.token(|token| token.without("sub"))
                })
                .but_not("one without an object id", "missing_permission", |call| {
                    call.token(|token| token.without("oid"))
                }),
            accepting("the role among others", || {
                claim("roles", json!(["Other", "Orders.Read.All"]))(app())
            }),
            accepting("a user with the scope", || good().reading())
                .but_not(
                    "with the application's role in its place",
                    "missing_permission",
                    |call| {
                        call.token(|token| {
                            token
                                .without("scp")
                                .claim("roles", json!(["Orders.Read.All"]))
                        })
                    },
                )
                .but_not("with the scope as a role", "missing_permission", |call| {
                    call.token(|token| token.without("scp").claim("roles", json!(["Orders.Read"])))
                })
                .but_not(
                    "as an application",
                    "contradictory_permissions",
                    claim("idtyp", "app"),
                ),
            accepting("a user with a role beside the scope", || {
                claim("roles", json!(["Orders.Read.All"]))(good())
            }),
        ],
    );
}
