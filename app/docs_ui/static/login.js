// Lets Swagger UI log in through the issuer: authorization code with PKCE, in a window of the issuer's own. The page loads
// this file if the service names a client; start.js passes on what the page says about it.
"use strict";

window.loginThroughIssuer = ({ clientId, scopes, parameters }) => {
  const NAME = "openIdConnect";
  const added = new URLSearchParams(parameters).toString();

  // Swagger UI would offer a form for each grant type of the issuer, most of which want a secret. This offers one, in front.
  const offerOneForm = (definitionsToAuthorize, { specSelectors, Im }) => (...given) => {
    const others = definitionsToAuthorize(...given).filterNot((definition) => definition.has(NAME));
    const scheme = specSelectors.securityDefinitions()?.get(NAME);
    if (!scheme) {
      return others;
    }
    const endpoint = scheme.getIn(["openIdConnectData", "authorization_endpoint"]);
    const form = Im.Map({
      type: "oauth2",
      flow: "authorization_code",
      description: scheme.get("description"),
      openIdConnectUrl: scheme.get("openIdConnectUrl"),
      authorizationUrl: endpoint && added ? `${endpoint}${endpoint.includes("?") ? "&" : "?"}${added}` : endpoint,
      tokenUrl: scheme.getIn(["openIdConnectData", "token_endpoint"]),
    });
    return others.unshift(Im.Map({ [NAME]: form }));
  };

  // The form: a button in place of fields that the operator has filled in already.
  const showOneButton = (Oauth2, { React }) => class extends Oauth2 {
    render() {
      const { name, schema, authSelectors, errSelectors, getComponent } = this.props;
      const [Button, AuthError, Markdown] = [getComponent("Button"), getComponent("authError"), getComponent("Markdown", true)];
      const isLoggedIn = authSelectors.authorized().has(name);
      const isKnown = schema.get("authorizationUrl") && schema.get("tokenUrl");
      const press = isLoggedIn ? this.logout : () => this.setState({ schema }, this.authorize);
      const button = { className: "btn modal-btn auth authorize", onClick: press };
      const after = " If you log out, this page forgets the token. The authorization server may still know you.";
      const unknown = `This page cannot read ${schema.get("openIdConnectUrl")}. To try again, reload the page.`;
      return React.createElement(
        "div",
        null,
        React.createElement("h4", null, "Login"),
        React.createElement(Markdown, { source: schema.get("description") }),
        isLoggedIn && React.createElement("p", null, React.createElement("strong", null, "You are logged in."), after),
        !isKnown && React.createElement("p", { role: "alert" }, unknown),
        errSelectors
          .allErrors()
          .filter((error) => error.get("authId") === name)
          .map((error, key) => React.createElement(AuthError, { error, key }))
          .valueSeq(),
        React.createElement(
          "div",
          { className: "auth-btn-wrapper" },
          isKnown && React.createElement(Button, button, isLoggedIn ? "Log out" : "Log in"),
          React.createElement(Button, { className: "btn modal-btn auth btn-done", onClick: this.close }, "Close"),
        ),
      );
    }
  };

  // RFC 8707 §2.2 wants the resource in the body. Without the header, no browser has to ask the issuer in advance (CORS).
  const completeTokenRequest = (request) => {
    if (typeof request.body === "string" && request.body.startsWith("grant_type=authorization_code&")) {
      request.body += added && `&${added}`;
      delete request.headers["X-Requested-With"];
    }
    return request;
  };

  return {
    plugin: {
      statePlugins: { auth: { wrapSelectors: { definitionsToAuthorize: offerOneForm } } },
      wrapComponents: { oauth2: showOneButton },
    },
    interceptor: completeTokenRequest,
    settings: { clientId, scopes, usePkceWithAuthorizationCodeGrant: true },
  };
};
