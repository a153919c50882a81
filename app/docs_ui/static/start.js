// Starts Swagger UI on the page that loads this file. The page says where the OpenAPI document is, so that
// a path prefix in front of the service needs no change here.
"use strict";

const element = document.getElementById("swagger-ui");

window.ui = SwaggerUIBundle({
  domNode: element,
  url: element.dataset.document,
  deepLinking: true,
  displayRequestDuration: true,
  // A token kept in localStorage would outlive the tab; whoever closes it has to paste the token again.
  persistAuthorization: false,
  tryItOutEnabled: true,
  // The badge would send the document's address to another host.
  validatorUrl: null,
});
