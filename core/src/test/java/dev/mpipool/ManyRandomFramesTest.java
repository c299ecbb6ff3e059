package dev.mpipool;

import org.junit.jupiter.api.Tag;

/** The walks of {@link RandomFramesTest}, each five times as long. */
@Tag("slow")
class ManyRandomFramesTest extends RandomFramesTest {

  @Override
  int frames() {
    return 25_000;
  }
}
