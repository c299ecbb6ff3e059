package dev.mpipool.ranks;

import static org.assertj.core.api.Assertions.assertThat;

import dev.mpipool.launcher.testing.Mpjrun;
import dev.mpipool.ranks.programs.Contract;
import dev.mpipool.ranks.programs.PoolVerbs;
import dev.mpipool.ranks.programs.Together;
import java.io.File;
import java.nio.file.Path;
import org.apache.fory.Fory;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Cancellation, bulk calls, the ways to close, and MPIPool, where they have to cross ranks. */
class ContractIT {

  private static final int POINTS = 38;
  private static final int POOL_POINTS = 51;

  @ParameterizedTest
  @ValueSource(strings = {"multicore", "tcpdev", "openmpi", "mpich"})
  void executorServiceAcrossRanks(String device, @TempDir Path folder) {
    Mpjrun.Result result = Mpjrun.on(device).np(3).run(Contract.class, folder.toString());
    result.assertExitCode(0).assertNothingLeft();
    assertThat(result.err()).isEmpty();
    assertThat(result.out()).hasSize(POINTS).allMatch(line -> line.endsWith(": true"));
  }

  @ParameterizedTest
  @ValueSource(strings = {"multicore", "tcpdev", "openmpi", "mpich"})
  void poolVerbsAcrossRanks(String device, @TempDir Path folder) {
    Mpjrun.Result result = Mpjrun.on(device).np(3).run(PoolVerbs.class, folder.toString());
    result.assertExitCode(0).assertNothingLeft();
    assertThat(result.err()).isEmpty();
    assertThat(result.out()).hasSize(POOL_POINTS).allMatch(line -> line.endsWith(": true"));
  }

  @ParameterizedTest
  @ValueSource(strings = {"multicore", "tcpdev", "openmpi", "mpich"})
  void whatWorkersDoOnceAndTogetherAndByAnotherSerializer(String device, @TempDir Path folder) {
    String fory = Fory.class.getProtectionDomain().getCodeSource().getLocation().getPath();
    Mpjrun.Result result =
        Mpjrun.on(device)
            .np(4)
            .classPath(Mpjrun.classes() + File.pathSeparator + fory)
            .run(Together.class, folder.resolve("squares").toString());
    result.assertExitCode(0).assertNothingLeft();
    assertThat(result.out())
        .containsExactly(
            "fory [Vega1, Vega2, Vega3]",
            "Main encodes values by Apache Fory 1, and rank 2 by Java's serialization. Give the"
                + " builder of every rank the same serializer(...), or all of them the same"
                + " -Dmpipool.serializer and class path",
            "initialized [1, 1, 1]",
            "ranks [1, 2, 3]",
            "broadcast 3.0",
            "groups done",
            "map 399980000",
            "batch 20000",
            "cached [0, 1, 4, 9, 16] by 5, [0, 1, 4, 9, 16, 25, 36] by 2, ",
            "freed 3");
  }
}
