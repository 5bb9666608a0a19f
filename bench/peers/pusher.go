// Pushes with net/http, the way Go's push libraries do: one goroutine for each request in flight.
package main

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
)

type order struct {
	Port          int    `json:"port"`
	CA            string `json:"ca"`
	Authorization string `json:"authorization"`
	Topic         string `json:"topic"`
	Expiration    string `json:"expiration"`
	Body          string `json:"body"`
	WarmUp        int    `json:"warm_up"`
	Count         int    `json:"count"`
	InFlight      int    `json:"in_flight"`
}

func cpuSeconds() float64 {
	var used syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &used)
	seconds := used.Utime.Sec + used.Stime.Sec
	return float64(seconds) + float64(used.Utime.Usec+used.Stime.Usec)/1e6
}

func main() {
	var o order
	if err := json.NewDecoder(os.Stdin).Decode(&o); err != nil {
		panic(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM([]byte(o.CA))
	client := &http.Client{Transport: &http.Transport{
		TLSClientConfig:   &tls.Config{RootCAs: roots},
		ForceAttemptHTTP2: true,
	}}
	body := []byte(o.Body)
	var accepted, failed atomic.Int64
	send := func(number int64) {
		url := fmt.Sprintf("https://localhost:%d/3/device/%064x", o.Port, number)
		request, _ := http.NewRequest(http.MethodPost, url, bytes.NewReader(body))
		request.Header.Set("authorization", o.Authorization)
		request.Header.Set("apns-topic", o.Topic)
		request.Header.Set("apns-push-type", "alert")
		request.Header.Set("apns-priority", "10")
		request.Header.Set("apns-expiration", o.Expiration)
		request.Header.Set("apns-id", fmt.Sprintf("%08x-1111-4222-8333-444455556666", number))
		reply, err := client.Do(request)
		if err != nil {
			failed.Add(1)
			return
		}
		io.Copy(io.Discard, reply.Body)
		reply.Body.Close()
		if reply.StatusCode == 200 && reply.Header.Get("apns-id") != "" {
			accepted.Add(1)
		}
	}
	run := func(first, count int) {
		next := int64(first)
		last := next + int64(count)
		var group sync.WaitGroup
		for range o.InFlight {
			group.Add(1)
			go func() {
				defer group.Done()
				for number := atomic.AddInt64(&next, 1); number <= last; number = atomic.AddInt64(&next, 1) {
					send(number)
				}
			}()
		}
		group.Wait()
	}
	run(0, 1)
	run(1, o.WarmUp-1)
	accepted.Store(0)
	before := cpuSeconds()
	run(o.WarmUp, o.Count)
	used := cpuSeconds() - before
	json.NewEncoder(os.Stdout).Encode(map[string]any{
		"cpu_s": used, "accepted": accepted.Load(), "failed": failed.Load(),
	})
}
