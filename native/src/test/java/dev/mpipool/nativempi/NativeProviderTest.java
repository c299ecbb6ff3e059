package dev.mpipool.nativempi;

import static org.assertj.core.api.Assertions.assertThat;

import dev.mpipool.transport.Launch;
import dev.mpipool.transport.TransportProvider;
import java.util.Map;
import java.util.ServiceLoader;
import org.junit.jupiter.api.Test;

class NativeProviderTest {

  private static final String[] NONE = {};

  @Test
  void isFoundAsAService() {
    assertThat(ServiceLoader.load(TransportProvider.class))
        .hasAtLeastOneElementOfType(NativeProvider.class);
  }

  @Test
  void isInChargeOfRanksThatAnMpisLauncherStarted() {
    Map<String, String> environment =
        Map.of("OMPI_COMM_WORLD_SIZE", "3", "OMPI_COMM_WORLD_RANK", "2");
    assertThat(new NativeProvider().detect(environment, NONE))
        .contains(new Launch("mpirun (Open MPI)", 2, 3));
  }

  @Test
  void isNotInChargeOfALoneProcess() {
    Map<String, String> one = Map.of("OMPI_COMM_WORLD_SIZE", "1", "OMPI_COMM_WORLD_RANK", "0");
    assertThat(new NativeProvider().detect(one, NONE)).isEmpty();
    assertThat(new NativeProvider().detect(Map.of(), NONE)).isEmpty();
  }
}
