/**
 * Subscribes this page's browser and registers it with Heliograph.
 *
 * Copy this file and service-worker.js to your site; there is nothing to install.
 * Call `subscribe` from a click: browsers ask for permission only then.
 *
 * baseUrl: of the server. application: `app_…`. session: a native session token, `hgs_…`,
 * which your back end gets from POST …/sessions for the signed-in user.
 * deviceId: any stable id of this browser, so that a new subscription replaces the former one.
 */
export class HeliographWebPush {
  constructor({ baseUrl, application, session, deviceId, serviceWorker = "service-worker.js" }) {
    this.root = `${baseUrl.replace(/\/$/, "")}/v1/applications/${application}`;
    this.session = session;
    this.deviceId = deviceId;
    this.serviceWorker = serviceWorker;
  }

  /** Ask for permission, subscribe, register; resolves to the registration. */
  async subscribe() {
    if (!("serviceWorker" in navigator) || !("PushManager" in window)) {
      throw new Error("this browser has no Web Push; on iOS the page must be on the home screen");
    }
    if ((await Notification.requestPermission()) !== "granted") {
      throw new Error("the user does not want notifications");
    }
    const keys = (await this.#call("GET", "/webpush/keys")).items.map((each) => each.public_key);
    await navigator.serviceWorker.register(this.serviceWorker);
    const worker = await navigator.serviceWorker.ready;
    const present = await worker.pushManager.getSubscription();
    const presentKey = keyOf(present);
    if (present !== null && keys.includes(presentKey)) {
      return this.#register(present, presentKey);
    }
    await present?.unsubscribe(); // made with a key that is not there any more
    const made = await worker.pushManager.subscribe({
      userVisibleOnly: true,
      applicationServerKey: keys[0],
    });
    return this.#register(made, keys[0]);
  }

  /** End the subscription; the server learns it here, not only from the next push. */
  async unsubscribe() {
    const worker = await navigator.serviceWorker.getRegistration(this.serviceWorker);
    const present = await worker?.pushManager.getSubscription();
    if (!present) {
      return;
    }
    await present.unsubscribe();
    const id = localStorage.getItem("heliograph-registration");
    if (id !== null) {
      await this.#call("DELETE", `/registrations/${id}`);
      localStorage.removeItem("heliograph-registration");
    }
  }

  async #register(subscription, key) {
    const registration = await this.#call("POST", "/registrations", {
      provider: "webpush",
      subscription: subscription.toJSON(),
      attributes: { vapid_key: key, user_agent: navigator.userAgent, locale: navigator.language },
      ...(this.deviceId === undefined ? {} : { device_id: this.deviceId }),
    });
    localStorage.setItem("heliograph-registration", registration.id);
    return registration;
  }

  async #call(method, path, body) {
    const reply = await fetch(this.root + path, {
      method,
      headers: {
        authorization: `Bearer ${this.session}`,
        ...(body === undefined ? {} : { "content-type": "application/json" }),
      },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
    if (!reply.ok) {
      const problem = await reply.json().catch(() => ({}));
      throw new Error(`${method} ${path}: ${reply.status} ${problem.code ?? ""}`);
    }
    return reply.status === 204 ? null : reply.json();
  }
}

/** The key a subscription was made with, in base64url; null where it has none. */
function keyOf(subscription) {
  const raw = subscription?.options.applicationServerKey;
  if (!raw) {
    return null;
  }
  const text = btoa(String.fromCharCode(...new Uint8Array(raw)));
  return text.replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
}
