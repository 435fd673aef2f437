/** Made by tools/wordpiece-fixture/characters.py: what Hugging Face's BERT normaliser does with each code point. */

/** Control and format characters, private use, U+FFFD. */
export const DROPPED = [
  '0:9 2:2 1:i 2n:x d 11u:6 m 5c 1d 3cu 1ks:5 q:5 1d:5 1:a 11u8:4xs 16n 6x:3 1 3b3 xya:4 ',
  '43z:8 h406 u:2o 1egw:1eke 2:1eke',
].join('')

/** What separates words. */
export const SPACES = ['9:2 2 i 3j 4bj 1vj:b t:2 5 1b 334'].join('')

/** Each a word by itself. */
export const IDEOGRAPHS = ['a9s:534 1s:g74 hkw:e8 1fk0:wyo w:3ds 74:49c 85s:f4'].join('')

/** Each a word by itself. */
export const PUNCTUATION = [
  'x:f a:7 q:6 q:4 y 5 3 a:2 3 3 ji 8 cy:6 15:2 1f 1 2 2 18:2 k:2 1:2 d 2:2 22:4 2u 17:e 6h:3 ',
  '1i:f v 79:2 a an lf 2i a:2 4o:f 1 11:4 1z 22:5 4:2 33:6 4r h0:9 47 h8:2 18:2 26:3 1z:2 ',
  '4d:3 1:3 11:b 8p:2 60:2 3k:7 1:6 4s:7 4b:4 1n:5 1q:2 1s:8 b n0:o 8:k 1:d 1:c u:2 e:2 hl:4 ',
  't:2 u5:e 27:2 v:a b7:m 1r:4 w:2 l7:4 1:2 34 3z:1b 1:j ce:3 4:a 2:c g c 2q 2i mwy:2 7h:3 2r ',
  'a 37:6 ak:4 2e:2 14:3 1 1d:2 1b 2p:d g:2 3g:4 3i:2 g:2 6x g2a:2 5s:a m:z 1:e 1 4 1:2 45:3 ',
  '1:6 1:4 a:2 3:2 q:3 1 r 1 1:7 be:3 ik 1c bi kn 5j v 7k:9 12 34:7 1u:7 2h:4 x6:7 31:2 1:4 ',
  '3i:4 1c:2 27:5 3 d 1:3 2g:6 2z f0 6y:n 2x:3 6w:3 2lt:5 dtl:2 3p 1t:5 8 g2i 5wn:5',
].join('')

/** Category Mn, and what decomposes into nothing else. */
export const MARKS = [
  'lc:34 7n:5 7d:19 1 1:2 1:2 1 20:b 1c:l g 2t:7 2:6 2:2 1:4 z u:r 2j:b 1m:9 y:4 1:9 1:3 1:5 ',
  '17:3 3r:w 1j 1 4:8 4 3:7 a:2 t 1m 4:4 8 k:2 t:2 1l 4:2 4:2 2:3 3 u:2 3 b:2 1l 4:5 1:2 4 ',
  'k:2 t 1m 2 1:4 8 8 b:2 u 1p c 1e 1p:3 5:3 1:4 7:2 b:2 t 1m 2 6 5:2 k:2 t 1r:4 8 k:2 2u 7:3 ',
  '1 2i 2:7 c:8 2q 2:6 1:2 b:6 22:2 r 1 1 1j:e 1:5 1:2 5:b 1:10 9 2u:4 1:6 1:2 2:2 p:2 4:3 ',
  'g:4 d 2:2 6 f jj:3 qa:3 t:3 t:2 u:2 1s:2 1:7 8 2:b 9 19:3 4b 3a:3 4:2 9 6:3 63:2 2 1m 1:7 ',
  '1 1 2:8 6:a 2 1c:e 1u:4 1c 1:5 1 5 14:9 c:2 w:4 2:2 1:3 1k 1:2 3 1:3 1m:8 2:2 48:3 1:d 1:7 ',
  '4 6 3:2 5i:1i 6:4 k0:d 4 3:c 2da:3 3x 2o:w fe:4 2z:2 n9w 4:a w:2 28:2 7k 3 4 p:2 4d r:i ',
  '1g:8 p:b 1a:3 1c 2:4 2 14 1v:6 2:2 2:2 c 8 1b 1f 1:3 2:2 5:2 1 16:2 8 6m 2 4 fn4 kh:g g:g ',
  'r1 6a 45:5 1ae:3 1:2 5:4 14:3 4 4l:2 10a 1i:f 1k:3 1d:4 2:2 1x:3 10:5 1:8 1q c:2 1g:9 b:3 ',
  '2q:3 2 1:2 4n 3:8 l:2 1m 3 11:7 3:5 8u:6 1 4:2 1:2 6m:4 6:2 1:2 r:2 2d:8 2 1:2 2y 1 2:6 1 ',
  '2t:3 2:4 1:5 gjo:5 1n:7 uw:4 f7u:2 43s:3 h:8 2:7 u:4 44:3 1iz:1j 4:1e 8 e m:5 1:f 2sg:7 ',
  'gzl5:6o',
].join('')

/** What NFD without marks changes, Hangul syllables aside. */
export const DECOMPOSED = [
  '5c:6 1:9 1:6 2:5 2:6 1:9 1:6 2:5 1:h 2:k 2:9 3:4 1:6 4:6 3:6 2:i 2:n x:2 d:2 s:g 1:6 2:b ',
  '3:2 2:10 2:2 6:e 8w 9 6:6 1 1:3 p:7 p:5 4:2 17:2 1 3 4:3 a v m:2 1 3 4:3 n:2 21:2 d:4 2:2 ',
  '2:6 2:6 2:c 2:2 88:5 49 1 g gl 7 2 z:8 2z:2 f:2 1 2b 2 y:3 2 6h 2:2 f:2 1i 1h:3 6r 6:2 1:2 ',
  '3i:3 3x 1:3 9w 9 4 4 4 c 58 25b 1 1 1 1 3 14 1 2:2 1 jg:4a 1 4:2i 6:m 2:6 2:12 2:6 2:8 1 1 ',
  '1 1:v 2:1h 1:7 1 2:4 1:e 2:6 1:j 2:3 1:8 88 3:2 32:2 i u:3 1g 4 2 n 1 q 2 2 1 m 1 a:5 2:2 ',
  '2:2 6:2 2:2 2:2 y:4 1c:4 6:4 1n:2 1ip 12n 1 1 1 1 1 1 1 1 1 1 1 2 1 1 6:2 1:2 1:2 1:2 1:2 ',
  'm 9 d 1 1 1 1 1 1 1 1 1 1 1 2 1 1 6:2 1:2 1:2 1:2 1:2 m 2:4 3 13i9:7i 2 1 2:a 1 1 2:2 3:1w ',
  '2:2y 1v 1 a:d 1:5 1 1:2 1:2 1:9 47f 1 e in:2 a6:2 1 6z:2 112a:7 2e:6 1m4f:f2',
].join('')

/** `start:count:step:shift`; U+0130 aside. */
export const LOWERCASE = [
  '1t:q:1:w 5c:n:1:w 60:7:1:w 74:o:2:1 8i:3:2:1 8p:8:2:1 96:n:2:1 ag:1:1:-3d ah:3:2:1 ',
  'ap:1:1:5u aq:2:2:1 au:1:1:5q av:1:1:1 ax:2:1:5p az:1:1:1 b2:1:1:27 b3:1:1:5m b4:1:1:5n ',
  'b5:1:1:1 b7:1:1:5p b8:1:1:5r ba:1:1:5v bb:1:1:5t bc:1:1:1 bg:1:1:5v bh:1:1:5x bj:1:1:5y ',
  'bk:3:2:1 bq:1:1:62 br:1:1:1 bt:1:1:62 bw:1:1:1 by:1:1:62 bz:1:1:1 c1:2:1:61 c3:2:2:1 ',
  'c7:1:1:63 c8:1:1:1 cc:1:1:1 ck:1:1:2 cl:1:1:1 cn:1:1:2 co:1:1:1 cq:1:1:2 cr:9:2:1 da:9:2:1 ',
  'dt:1:1:2 du:2:2:1 dy:1:1:-2p dz:1:1:-1k e0:k:2:1 f4:1:1:-3m f6:9:2:1 fu:1:1:8bv fv:1:1:1 ',
  'fx:1:1:-4j fy:1:1:8bs g1:1:1:1 g3:1:1:-5f g4:1:1:1x g5:1:1:1z g6:5:2:1 og:2:2:1 om:1:1:1 ',
  'ov:1:1:38 p2:1:1:12 p4:3:1:11 p8:1:1:1s pa:2:1:1r pd:h:1:w pv:9:1:w r3:1:1:8 rc:c:2:1 ',
  's4:1:1:-1o s7:1:1:1 s9:1:1:-7 sa:1:1:1 sd:3:1:-3m sg:g:1:28 sw:w:1:w v4:h:2:1 wa:r:2:1 ',
  'xs:1:1:f xt:7:2:1 y8:1c:2:1 10x:12:1:1c 3a8:12:1:5ls 3bb:1:1:5ls 3bh:1:1:5ls 3vk:28:1:tzk ',
  '3xs:6:1:8 5mx:1:1:1 5n4:17:1:-2bk 5od:3:1:-2bk 5xc:23:2:1 61q:1:1:-5vj 61s:1c:2:1 ',
  '64o:8:1:-8 654:6:1:-8 65k:8:1:-8 660:8:1:-8 66g:6:1:-8 66x:4:2:-8 67c:8:1:-8 688:8:1:-8 ',
  '68o:8:1:-8 694:8:1:-8 69k:2:1:-8 69m:2:1:-22 69o:1:1:-9 6a0:4:1:-2e 6a4:1:1:-9 6ag:2:1:-8 ',
  '6ai:2:1:-2s 6aw:2:1:-8 6ay:2:1:-34 6b0:1:1:-7 6bc:2:1:-3k 6be:2:1:-3i 6bg:1:1:-9 ',
  '6jq:1:1:-5st 6ju:1:1:-6gv 6jv:1:1:-6di 6k2:1:1:s 6lc:g:1:g 6mb:1:1:1 792:q:1:q 8ow:1c:1:1c ',
  '8rk:1:1:1 8rm:1:1:-8af 8rn:1:1:-2xy 8ro:1:1:-89z 8rr:3:2:1 8rx:1:1:-8bg 8ry:1:1:-8al ',
  '8rz:1:1:-8bj 8s0:1:1:-8bi 8s2:1:1:1 8s5:1:1:1 8se:2:1:-8cf 8sg:1e:2:1 8vf:2:2:1 8vm:1:1:1 ',
  'wu8:n:2:1 ww0:e:2:1 x0i:7:2:1 x0y:v:2:1 x2x:2:2:1 x31:1:1:-r9g x32:5:2:1 x3f:1:1:1 ',
  'x3h:1:1:-wmg x3k:2:2:1 x3q:a:2:1 x4a:1:1:-wn8 x4b:1:1:-wnj x4c:1:1:-wnf x4d:1:1:-wn5 ',
  'x4e:1:1:-wn8 x4g:1:1:-wlu x4h:1:1:-wmi x4i:1:1:-wlx x4j:1:1:ps x4k:8:2:1 x50:1:1:-1c ',
  'x51:1:1:-wn7 x52:1:1:-raw x53:2:2:1 x57:1:1:-wo7 x58:8:2:1 x5o:1:1:-wu9 x6d:1:1:1 ',
  '1ee9:q:1:w 1fcw:14:1:14 1fhs:10:1:14 1fn4:b:1:13 1fng:f:1:13 1fnw:7:1:13 1fo4:2:1:13 ',
  '1h1c:1f:1:1s 1h74:m:1:w 1jfk:w:1:w 20cg:w:1:w 20f4:p:1:r 2olc:y:1:y',
].join('')
