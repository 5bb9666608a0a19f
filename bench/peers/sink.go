// A server that takes APNs-shaped pushes as fast as it can and counts what is wrong with them.
//
// It speaks as much HTTP/2 as push senders need: frames, HPACK with its table and Huffman
// strings, flow control with the 65,535 bytes that APNs announces. Everything that one portion
// of input leads to leaves in one write. Prints its port, then one line of JSON per line read.
package main

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"log"
	"net"
	"os"
	"sync"
)

const (
	window     = 65535
	tableLimit = 4096
	largestOut = 65536
)

type counts struct {
	Requests    int `json:"requests"`
	Malformed   int `json:"malformed"`
	Doubled     int `json:"doubled"`
	Connections int `json:"connections"`
}

var (
	lock  sync.Mutex
	seen  = map[string]bool{}
	total counts
)

type field struct{ name, value []byte }

type push struct {
	isPost, hasToken, hasAuth, hasTopic, hasExpiration, hasPriority bool
	token, id                                                       []byte
	bodySize                                                        int
	firstByte                                                       byte
}

type peer struct {
	conn    *tls.Conn
	raw     *bufio.Reader
	table   []field // newest last
	size    int
	limit   int
	streams map[uint32]*push
	free    []*push
	block   []byte
	out     []byte
	used    int
	counts  counts
}

func main() {
	certificate, err := tls.LoadX509KeyPair(os.Args[1], os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	config := &tls.Config{Certificates: []tls.Certificate{certificate}, NextProtos: []string{"h2"}}
	fmt.Println(listener.Addr().(*net.TCPAddr).Port)
	go func() {
		for {
			accepted, err := listener.Accept()
			if err != nil {
				log.Fatal(err)
			}
			go serve(accepted, config)
		}
	}()
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		lock.Lock()
		text, _ := json.Marshal(total)
		total = counts{}
		clear(seen)
		lock.Unlock()
		fmt.Println(string(text))
	}
}

// A connection whose buffer tells whether more input has already come.
type buffered struct {
	net.Conn
	reader *bufio.Reader
}

func (b buffered) Read(p []byte) (int, error) { return b.reader.Read(p) }

func serve(accepted net.Conn, config *tls.Config) {
	defer accepted.Close()
	reader := bufio.NewReaderSize(accepted, 262144)
	p := &peer{
		conn:    tls.Server(buffered{accepted, reader}, config),
		raw:     reader,
		limit:   tableLimit,
		streams: map[uint32]*push{},
	}
	p.counts.Connections = 1
	settings := []byte{0, 3, 0, 0, 3, 232} // MAX_CONCURRENT_STREAMS 1000
	p.frame(4, 0, 0, settings)
	input := make([]byte, 0, 524288)
	preface := len("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
	for {
		if len(input) == cap(input) {
			return
		}
		n, err := p.conn.Read(input[len(input):cap(input)])
		if err != nil {
			p.report()
			return
		}
		input = input[:len(input)+n]
		at := 0
		if preface > 0 {
			if len(input) < preface {
				continue
			}
			at, preface = preface, 0
		}
		for len(input)-at >= 9 {
			size := int(input[at])<<16 | int(input[at+1])<<8 | int(input[at+2])
			if len(input)-at-9 < size {
				break
			}
			stream := binary.BigEndian.Uint32(input[at+5:]) & 0x7fffffff
			p.take(input[at+3], input[at+4], stream, input[at+9:at+9+size])
			at += 9 + size
		}
		input = append(input[:0], input[at:]...)
		if p.raw.Buffered() == 0 || len(p.out) > largestOut {
			p.flush()
		}
	}
}

func (p *peer) flush() {
	if p.used >= window/2 {
		p.frame(8, 0, 0, binary.BigEndian.AppendUint32(nil, uint32(p.used)))
		p.used = 0
	}
	p.report()
	if len(p.out) > 0 {
		p.conn.Write(p.out)
		p.out = p.out[:0]
	}
}

func (p *peer) report() {
	lock.Lock()
	total.Requests += p.counts.Requests
	total.Malformed += p.counts.Malformed
	total.Connections += p.counts.Connections
	lock.Unlock()
	p.counts = counts{}
}

func (p *peer) frame(kind, flags byte, stream uint32, payload []byte) {
	n := len(payload)
	p.out = append(p.out, byte(n>>16), byte(n>>8), byte(n), kind, flags)
	p.out = binary.BigEndian.AppendUint32(p.out, stream)
	p.out = append(p.out, payload...)
}

func (p *peer) take(kind, flags byte, stream uint32, payload []byte) {
	switch kind {
	case 0:
		p.used += len(payload)
		if s := p.streams[stream]; s != nil {
			content := unpad(flags, payload)
			if s.bodySize == 0 && len(content) > 0 {
				s.firstByte = content[0]
			}
			s.bodySize += len(content)
		}
	case 1:
		payload = unpad(flags, payload)
		if flags&0x20 != 0 {
			payload = payload[5:]
		}
		p.block = append(p.block[:0], payload...)
	case 9:
		p.block = append(p.block, payload...)
	case 4:
		if flags&1 == 0 {
			p.frame(4, 1, 0, nil)
		}
	case 6:
		if flags&1 == 0 {
			p.frame(6, 1, 0, payload)
		}
	}
	if (kind == 1 || kind == 9) && flags&4 != 0 {
		p.open(stream)
	}
	if kind <= 1 && flags&1 != 0 {
		p.finish(stream)
	}
}

func unpad(flags byte, payload []byte) []byte {
	if flags&8 == 0 {
		return payload
	}
	return payload[1 : len(payload)-int(payload[0])]
}

func (p *peer) open(stream uint32) {
	var s *push
	if n := len(p.free); n > 0 {
		s, p.free = p.free[n-1], p.free[:n-1]
		*s = push{token: s.token[:0], id: s.id[:0]}
	} else {
		s = &push{}
	}
	p.streams[stream] = s
	if !p.decode(s) {
		p.counts.Malformed++
	}
}

func (p *peer) finish(stream uint32) {
	s := p.streams[stream]
	if s == nil {
		return
	}
	delete(p.streams, stream)
	p.counts.Requests++
	complete := s.isPost && s.hasToken && s.hasAuth && s.hasTopic && s.hasExpiration && s.hasPriority
	if !complete || len(s.id) != 36 || s.bodySize < 100 || s.firstByte != '{' {
		p.counts.Malformed++
	}
	lock.Lock()
	if seen[string(s.token)] {
		total.Doubled++
	}
	seen[string(s.token)] = true
	lock.Unlock()
	// ":status: 200" of the static table, then "apns-id" as a literal.
	n := 1 + 1 + 1 + 7 + 1 + len(s.id)
	p.out = append(p.out, 0, 0, byte(n), 1, 5)
	p.out = binary.BigEndian.AppendUint32(p.out, stream)
	p.out = append(p.out, 0x88, 0, 7)
	p.out = append(p.out, "apns-id"...)
	p.out = append(p.out, byte(len(s.id)))
	p.out = append(p.out, s.id...)
	p.free = append(p.free, s)
}

func (s *push) note(f field) {
	switch string(f.name) {
	case ":method":
		s.isPost = string(f.value) == "POST"
	case ":path":
		prefix := []byte("/3/device/")
		s.hasToken = bytes.HasPrefix(f.value, prefix) && len(f.value) == len(prefix)+64
		s.token = append(s.token[:0], f.value...)
	case "authorization":
		s.hasAuth = len(f.value) >= 100
	case "apns-topic":
		s.hasTopic = len(f.value) > 0
	case "apns-expiration":
		s.hasExpiration = len(f.value) > 0
	case "apns-priority":
		s.hasPriority = len(f.value) > 0
	case "apns-id":
		s.id = append(s.id[:0], f.value...)
	}
}
