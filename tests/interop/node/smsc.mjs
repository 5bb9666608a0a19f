// An SMS centre of another house: takes what is submitted, prints it, and reports it delivered.
import smpp from "smpp";

const refused = { "4917000000001": smpp.ESME_RTHROTTLED, "4917000000002": 0x401 };
let next = 0;
const say = (line) => process.stdout.write(`${JSON.stringify(line)}\n`);

const server = smpp.createServer({}, (session) => {
  session.on("bind_transceiver", (pdu) => {
    const ok = pdu.system_id === "acme" && pdu.password === "secret08";
    say({ bind: pdu.system_id, version: pdu.interface_version, ok });
    session.send(pdu.response({ command_status: ok ? smpp.ESME_ROK : smpp.ESME_RINVPASWD }));
  });
  session.on("submit_sm", (pdu) => {
    const status = refused[pdu.destination_addr] ?? smpp.ESME_ROK;
    const message = pdu.short_message;
    const id = `m${++next}`;
    say({
      to: pdu.destination_addr,
      to_ton: pdu.dest_addr_ton,
      from: pdu.source_addr,
      from_ton: pdu.source_addr_ton,
      text: typeof message.message === "string" ? message.message : String(message.message),
      parts: message.udh?.map((element) => element.toString("hex")) ?? null,
      coding: pdu.data_coding,
      receipt: pdu.registered_delivery,
      validity: pdu.validity_period,
    });
    session.send(pdu.response({ command_status: status, ...(status ? {} : { message_id: id }) }));
    if (status || !pdu.registered_delivery) return;
    session.deliver_sm({
      source_addr: pdu.destination_addr,
      source_addr_ton: 1,
      source_addr_npi: 1,
      destination_addr: pdu.source_addr,
      esm_class: 4,
      short_message: `id:${id} sub:001 dlvrd:001 submit date:2603011200 done date:2603011201 stat:DELIVRD err:000 text:`,
    }, (answer) => say({ answered: answer.command_status }));
  });
  session.on("enquire_link", (pdu) => { say({ enquiry: true }); session.send(pdu.response()); });
  session.on("unbind", (pdu) => { say({ unbind: true }); session.send(pdu.response()); session.close(); });
  session.on("error", () => {});
});
server.listen(0, "127.0.0.1", () => say({ port: server.address().port }));
