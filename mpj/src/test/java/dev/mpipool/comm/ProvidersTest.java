package dev.mpipool.comm;

import static org.assertj.core.api.Assertions.assertThat;

import dev.mpipool.MPIRuntime;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@Timeout(30)
class ProvidersTest {

  @Test
  void withoutMpiTheWorldIsThisProcessAlone() {
    Communicator world = Communicator.world();

    assertThat(Providers.begun()).isFalse();
    assertThat(world.rank()).isZero();
    assertThat(world.size()).isEqualTo(1);
    assertThat(Communicator.world()).isSameAs(world);
  }

  @Test
  void closingTheWorldDoesNothing() {
    Communicator world = Communicator.world();
    world.close();
    world.send(0, 0, java.nio.ByteBuffer.allocate(1));

    assertThat(world.receive(0, 0).data().remaining()).isEqualTo(1);
    world.barrier();
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "file.txt", "1 2 3", "x conf niodev"})
  void aProgramsOwnArgumentsAreNoLaunchers(String arguments) {
    String[] args = arguments.split(" ");
    assertThat(Providers.programArguments(args)).isEqualTo(args);
  }

  @ParameterizedTest
  @ValueSource(strings = {"0 conf niodev", "3 conf smpdev a b", "1 conf hybdev x"})
  void theArgumentsOfMpjExpressAreKnown(String arguments) {
    String[] args = arguments.split(" ");
    assertThat(Providers.programArguments(args))
        .isEqualTo(java.util.Arrays.copyOfRange(args, 3, args.length));
  }

  @ParameterizedTest
  @ValueSource(strings = {"1", "true", " Yes"})
  void aLaunchedProcessIsAWorldOfItsOwnWhereMpiIsDisabled(String value) {
    String[] args = {"3", "conf", "smpdev", "a", "b"};
    System.setProperty("mpipool.launcher", "test");
    System.setProperty("MPI_DISABLE", value);
    try {
      assertThat(MPIRuntime.init(args)).containsExactly("a", "b");
      assertThat(Communicator.world().size()).isEqualTo(1);
      MPIRuntime.finish();
    } finally {
      System.clearProperty("mpipool.launcher");
      System.clearProperty("MPI_DISABLE");
    }
  }

  @Test
  void zeroDoesNotDisableMpi() {
    System.setProperty("MPI_DISABLE", "0");
    try {
      assertThat(Providers.disabled()).isFalse();
    } finally {
      System.clearProperty("MPI_DISABLE");
    }
  }
}
