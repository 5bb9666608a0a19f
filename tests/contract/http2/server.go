// Echoes pushes, says GOAWAY after every 150th, and reports what it processed.
package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"sync"
)

func main() {
	var lock sync.Mutex
	processed := map[string]int{}
	handle := func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/report" {
			lock.Lock()
			defer lock.Unlock()
			json.NewEncoder(w).Encode(processed)
			return
		}
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		id := r.Header.Get("apns-id")
		lock.Lock()
		processed[id]++
		isLast := len(processed)%150 == 0
		lock.Unlock()
		w.WriteHeader(http.StatusEarlyHints)
		w.Header().Set("apns-id", id)
		w.Header().Set("topic", r.Header.Get("apns-topic"))
		w.Header().Set("Trailer", "checksum")
		if isLast {
			w.Header().Set("Connection", "close") // which HTTP/2 says by a GOAWAY
		}
		fmt.Fprint(w, len(body))
		w.Header().Set("checksum", "x")
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	server := &http.Server{
		Handler: http.HandlerFunc(handle),
		HTTP2: &http.HTTP2Config{
			MaxConcurrentStreams:          20,
			MaxReceiveBufferPerStream:     16384,
			MaxDecoderHeaderTableSize:     128,
			MaxReceiveBufferPerConnection: 65536,
		},
	}
	fmt.Println(listener.Addr().(*net.TCPAddr).Port)
	panic(server.ServeTLS(listener, os.Args[1], os.Args[1]))
}
