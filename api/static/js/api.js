// The service's addresses. Every failure is an Error whose message can be shown as it stands.

const ROOT = "/v1/transcriptions";
const AWAY = "The service does not answer; check the connection.";

export class ServiceError extends Error {
  constructor(message, status = 0, code = "") {
    super(message);
    this.status = status;
    this.code = code;
  }
}

function errorFrom(status, text) {
  try {
    const problem = JSON.parse(text);
    return new ServiceError(problem.detail, status, problem.code);
  } catch {
    return new ServiceError(`The service answered with an error (${status}).`, status);
  }
}

async function ask(method, address) {
  let response;
  try {
    response = await fetch(address, { method });
  } catch {
    throw new ServiceError(AWAY);
  }
  if (!response.ok) throw errorFrom(response.status, await response.text());
  return response.status === 204 ? null : response.json();
}

export const getJob = (id) => ask("GET", `${ROOT}/${encodeURIComponent(id)}`);
export const deleteJob = (id) => ask("DELETE", `${ROOT}/${encodeURIComponent(id)}`);

// fetch() tells nothing about how much was sent, so the upload is an XMLHttpRequest.
export function upload(form, onSent, signal) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", ROOT);
    request.upload.addEventListener("progress", (event) => onSent(event.loaded / event.total));
    request.addEventListener("load", () => {
      if (request.status === 202) resolve(JSON.parse(request.responseText));
      else reject(errorFrom(request.status, request.responseText));
    });
    request.addEventListener("error", () => reject(new ServiceError(AWAY)));
    request.addEventListener("abort", () => reject(new ServiceError("The upload was stopped.")));
    signal.addEventListener("abort", () => request.abort());
    request.send(form);
  });
}
