// Hands what the issuer answered to the page that opened this window. In place of the script that comes with Swagger UI,
// which goes on if `state` is not that of the page (RFC 6749 §10.12).
"use strict";

const question = window.opener.swaggerUIRedirectOauth2;
const answer = new URLSearchParams(location.search);

const fail = (message) => question.errCb({ authId: question.auth.name, source: "auth", level: "error", message });

if (!question.state || answer.get("state") !== question.state) {
  fail("This is the answer to another login. Log in again.");
} else if (answer.get("code")) {
  question.auth.code = answer.get("code");
  question.callback({ auth: question.auth, redirectUrl: question.redirectUrl });
} else {
  fail(`[${answer.get("error")}]: ${answer.get("error_description") ?? "The issuer sent no code."}`);
}
delete question.state; // it is good for one answer
window.close();
