package dev.mpipool.ranks;

import static org.assertj.core.api.Assertions.assertThat;

import dev.mpipool.launcher.testing.Mpjrun;
import dev.mpipool.ranks.programs.Walk;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.ThreadLocalRandom;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Each transport by itself: messages of all lengths from four threads of every rank arrive once, in
 * order and whole. Those on MPI libraries have such a test in their module; MPJ Express's stock
 * devices cannot be woken while they wait, and are left out.
 */
class TransportIT {

  @ParameterizedTest
  @ValueSource(strings = {"multicore", "tcpdev"})
  void everyMessageArrivesOnceInOrderAndWhole(String device) {
    Path ofCore = Mpjrun.home().resolve("core/target/test-classes");
    String seed = Long.toString(ThreadLocalRandom.current().nextLong());
    Mpjrun.Result result =
        Mpjrun.on(device)
            .np(3)
            .options("-Xmx1g")
            .classPath(Mpjrun.classes() + ":" + ofCore)
            .timeout(Duration.ofMinutes(4))
            .run(Walk.class, seed);
    assertThat(result.out())
        .as("seed %s", seed)
        .containsExactlyInAnyOrder(
            "rank 0 received bytes: true",
            "rank 1 received bytes: true",
            "rank 2 received bytes: true");
    result.assertExitCode(0).assertNothingLeft();
  }
}
