package dev.mpipool.device;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class HandshakeTest {

  @Test
  void aProofIsGoodForOneConversationInOneDirection() {
    byte[] key = {1};
    byte[] a = Handshake.nonce();
    byte[] b = Handshake.nonce();
    byte[] proof = Handshake.connectorProof(key, 1, 2, a, b);
    assertThat(proof)
        .isEqualTo(Handshake.connectorProof(key, 1, 2, a, b))
        .isNotEqualTo(Handshake.connectorProof(key, 2, 1, a, b))
        .isNotEqualTo(Handshake.connectorProof(key, 1, 2, b, a))
        .isNotEqualTo(Handshake.connectorProof(new byte[] {2}, 1, 2, a, b))
        .isNotEqualTo(Handshake.acceptorProof(key, Handshake.WELCOME, 1, 2, a, b));
    assertThat(Handshake.acceptorProof(key, Handshake.WELCOME, 1, 2, a, b))
        .isNotEqualTo(Handshake.acceptorProof(key, Handshake.BUSY, 1, 2, a, b));
  }
}
