/** Statuses whose meaning for a cache is known (RFC 9111 §5.2.2.3): those of RFC 9110 and registered ones. */
export const understoodStatuses: ReadonlySet<number> = new Set([
  200, 201, 202, 203, 204, 205, 207, 208, 226, 300, 301, 302, 303, 305, 307, 308, 400, 401, 402,
  403, 404, 405, 406, 407, 408, 409, 410, 411, 412, 413, 414, 415, 416, 417, 421, 422, 423, 424,
  425, 426, 428, 429, 431, 451, 500, 501, 502, 503, 504, 505, 506, 507, 508, 511,
]);
