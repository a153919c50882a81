// Starts Swagger UI on the page that loads this file. The page says where the OpenAPI document is, so that
// a path prefix in front of the service needs no change here.
"use strict";

const element = document.getElementById("swagger-ui");

// Swagger UI has a dark theme, but follows only a button that this page does not show.
const darkness = matchMedia("(prefers-color-scheme: dark)");
const followSystem = () => document.documentElement.classList.toggle("dark-mode", darkness.matches);
darkness.addEventListener("change", followSystem);
followSystem();

// Shows one line for each response of an operation, and all of its usual success. A press on the line shows the rest: an
// operation with a dozen errors still fits the window.
const foldResponses = ({ React }) => {
  const Usual = React.createContext();
  const wrapResponses = (Responses) => (props) => {
    const usual = ["201", "200", "204"].find((code) => props.responses.has(code));
    return React.createElement(Usual.Provider, { value: usual }, React.createElement(Responses, props));
  };
  const wrapResponse = (Response) => (props) => {
    const [isOpen, setOpen] = React.useState(props.code === React.useContext(Usual));
    const line = React.createElement(
      "button",
      { type: "button", "aria-expanded": isOpen, onClick: () => setOpen(!isOpen) },
      React.createElement("span", { className: "fold-code" }, props.code),
      React.createElement("span", null, (props.response.get("description") || "").replaceAll("`", "")),
    );
    return React.createElement(
      React.Fragment,
      null,
      React.createElement("tr", { className: "fold" }, React.createElement("td", { colSpan: 3 }, line)),
      isOpen && React.createElement(Response, props),
    );
  };
  return { wrapComponents: { responses: wrapResponses, response: wrapResponse } };
};

// Tells screen readers that the window for the token is a dialog.
const nameDialog = ({ React }) => ({
  wrapComponents: {
    authorizationPopup: (Popup) => (props) =>
      React.createElement(
        "div",
        { role: "dialog", "aria-modal": true, "aria-label": "Available authorizations" },
        React.createElement(Popup, props),
      ),
  },
});

// Takes one of two words away: many people paste the token with the word that Swagger UI puts in front of it.
const takeBearerOnce = (request) => {
  const { Authorization: credentials } = request.headers;
  if (credentials) {
    request.headers.Authorization = credentials.trim().replace(/^Bearer\s+Bearer\s+/i, "Bearer ");
  }
  return request;
};

// Only if the page loads login.js as well.
const { login: options, redirect } = element.dataset;
const login = options && window.loginThroughIssuer(JSON.parse(options));

window.ui = SwaggerUIBundle({
  domNode: element,
  url: element.dataset.document,
  plugins: [foldResponses, nameDialog, ...(login ? [login.plugin] : [])],
  requestInterceptor: (request) => takeBearerOnce(login ? login.interceptor(request) : request),
  oauth2RedirectUrl: login && new URL(redirect, location.href).href,
  deepLinking: true,
  displayRequestDuration: true,
  // Schemas stand with each operation; the list of all of them is for those who look for it.
  defaultModelsExpandDepth: 0,
  // A token kept in localStorage would outlive the tab. Who closes the tab has to paste the token again.
  persistAuthorization: false,
  tryItOutEnabled: true,
  // The badge would send the document's address to another host.
  validatorUrl: null,
});

if (login) {
  window.ui.initOAuth(login.settings);
}
