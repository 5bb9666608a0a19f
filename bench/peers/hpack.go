// The reading half of HPACK (RFC 7541); the standard library keeps its own to itself.
// `staticFields`, `huffmanCodes` and `huffmanLengths` are generated beside this file.
package main

type node struct {
	children [2]*node
	symbol   int
}

var huffman = buildHuffman()

func buildHuffman() *node {
	root := &node{symbol: -1}
	for symbol, code := range huffmanCodes {
		at := root
		for bit := huffmanLengths[symbol] - 1; bit >= 0; bit-- {
			next := code >> bit & 1
			if at.children[next] == nil {
				at.children[next] = &node{symbol: -1}
			}
			at = at.children[next]
		}
		at.symbol = symbol
	}
	return root
}

// Decode the block at hand into a push; false where it cannot be read.
func (p *peer) decode(s *push) (ok bool) {
	defer func() {
		if recover() != nil { // an index or a length that leads nowhere
			ok = false
		}
	}()
	b := p.block
	for len(b) > 0 {
		first := b[0]
		var index int
		switch {
		case first&0x80 != 0:
			index, b = integer(b, 7)
			s.note(p.entry(index))
		case first&0xe0 == 0x20:
			p.limit, b = integer(b, 5)
			p.evict(p.limit)
		default:
			bits := 4
			if first&0x40 != 0 {
				bits = 6
			}
			var f field
			index, b = integer(b, bits)
			if index > 0 {
				f.name = p.entry(index).name
			} else {
				f.name, b = text(b)
			}
			f.value, b = text(b)
			s.note(f)
			if first&0x40 != 0 {
				p.insert(f)
			}
		}
	}
	return true
}

func (p *peer) entry(index int) field {
	if index <= len(staticFields) {
		return field{[]byte(staticFields[index-1][0]), []byte(staticFields[index-1][1])}
	}
	return p.table[len(p.table)-(index-len(staticFields))]
}

func (p *peer) insert(f field) {
	size := len(f.name) + len(f.value) + 32
	p.evict(p.limit - size)
	if size <= p.limit {
		kept := field{append([]byte{}, f.name...), append([]byte{}, f.value...)}
		p.table = append(p.table, kept)
		p.size += size
	}
}

func (p *peer) evict(room int) {
	for p.size > room && len(p.table) > 0 {
		p.size -= len(p.table[0].name) + len(p.table[0].value) + 32
		p.table = p.table[1:]
	}
}

func integer(b []byte, bits int) (int, []byte) {
	largest := 1<<bits - 1
	value := int(b[0]) & largest
	b = b[1:]
	if value < largest {
		return value, b
	}
	for shift := 0; ; shift += 7 {
		value += int(b[0]&0x7f) << shift
		more := b[0]&0x80 != 0
		b = b[1:]
		if !more {
			return value, b
		}
	}
}

func text(b []byte) ([]byte, []byte) {
	isPacked := b[0]&0x80 != 0
	n, b := integer(b, 7)
	if !isPacked {
		return b[:n], b[n:]
	}
	var out []byte
	at := huffman
	for _, octet := range b[:n] {
		for bit := 7; bit >= 0; bit-- {
			at = at.children[octet>>bit&1]
			if at.symbol >= 0 {
				out = append(out, byte(at.symbol))
				at = huffman
			}
		}
	}
	return out, b[n:]
}
