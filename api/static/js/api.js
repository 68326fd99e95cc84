// The service's addresses. Every failure is a ServiceError whose message can be shown as it stands.

import { has, t } from "./texts.js";

const ROOT = "/v1/transcriptions";

export class ServiceError extends Error {
  constructor(message, status = 0, code = "") {
    super(message);
    this.status = status; // 0: no answer at all
    this.code = code;
  }
}

// The sentence for a problem of the service: in the page's language where it has one, else as the service says it.
export const problemText = (code, detail) => (has(`problem.${code}`) ? t(`problem.${code}`) : detail);

export function errorFrom(status, text) {
  try {
    const problem = JSON.parse(text);
    return new ServiceError(problemText(problem.code, problem.detail), status, problem.code);
  } catch {
    return new ServiceError(t("problem.status", { n: status }), status);
  }
}

async function ask(method, address, body) {
  const request = { method };
  if (body !== undefined) Object.assign(request, { body: JSON.stringify(body), headers: { "Content-Type": "application/json" } });
  let response;
  try {
    response = await fetch(address, request);
  } catch {
    throw new ServiceError(t("problem.away"));
  }
  if (!response.ok) throw errorFrom(response.status, await response.text());
  return response.status === 204 ? null : response.json();
}

export const addressOf = (id) => `${ROOT}/${encodeURIComponent(id)}`;
export const addressOfShared = (token) => `/v1/shared/${encodeURIComponent(token)}`;

export const getJob = (address) => ask("GET", address);
export const getFile = (address) => ask("GET", address);
export const listJobs = (address = `${ROOT}?limit=20`) => ask("GET", address);
export const deleteJob = (id) => ask("DELETE", addressOf(id));
export const renameJob = (id, names) => ask("PATCH", addressOf(id), names);
export const writeScore = (id, wish) => ask("PUT", `${addressOf(id)}/score`, wish);
export const shareJob = (id) => ask("POST", `${addressOf(id)}/share`);
export const unshareJob = (id) => ask("DELETE", `${addressOf(id)}/share`);

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
    request.addEventListener("error", () => reject(new ServiceError(t("problem.away"))));
    request.addEventListener("abort", () => reject(new ServiceError(t("problem.stopped"))));
    signal.addEventListener("abort", () => request.abort());
    request.send(form);
  });
}
