package dev.mpipool.nativempi;

import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Where the MPI library may be: names for the dynamic linker, and paths, in the order in which they
 * are tried. The launcher decides which MPI it has to be. Plain {@code libmpi.so} is never among
 * them: it comes with headers only, and need not belong to the launcher.
 */
final class LibrarySearch {

  /** The system property, and the environment variable, that name the library. */
  static final String PROPERTY = "mpipool.mpi.library";

  static final String VARIABLE = "MPIPOOL_MPI_LIBRARY";

  private static final Logger LOG = LoggerFactory.getLogger(LibrarySearch.class);
  private static final String OPEN_MPI = "libmpi.so.40";
  private static final List<String> MPICH = List.of("libmpi.so.12", "libmpich.so.12");
  private static final String STANDARD = "libmpi_abi.so.1";
  private static final List<String> LAUNCHERS = List.of("mpirun", "mpiexec", "mpiexec.hydra");
  private static final List<String> LIBRARY_FOLDERS = List.of("lib", "lib64");

  private LibrarySearch() {}

  /**
   * What to try.
   *
   * @param property the value of the system property, or null
   * @param environment of this process
   * @return names and paths, the best first; just one if the user has named it
   */
  static List<String> candidates(String property, Map<String, String> environment) {
    String named = property != null ? property : environment.get(VARIABLE);
    if (named != null && !named.isBlank()) {
      return List.of(named.strip());
    }
    List<String> found = new ArrayList<>();
    boolean ofOpenMpi = environment.containsKey("OMPI_COMM_WORLD_SIZE");
    if (ofOpenMpi || !environment.containsKey("PMI_SIZE")) {
      addAll(found, List.of(OPEN_MPI), environment.get("OMPI_LIBDIR_LOC"), environment);
    }
    if (!ofOpenMpi) {
      String intel = environment.get("I_MPI_ROOT");
      addAll(found, MPICH, intel == null ? null : intel + "/lib", environment);
    }
    addAll(found, List.of(STANDARD), environment.get("OMPI_LIBDIR_LOC"), environment);
    return found;
  }

  /** Each by its name; then in a folder, and in those beside the launcher's. */
  private static void addAll(
      List<String> found, List<String> names, String folder, Map<String, String> environment) {
    found.addAll(names);
    List<Path> folders = new ArrayList<>();
    if (folder != null) {
      folders.add(Path.of(folder));
    }
    folders.addAll(besideLauncher(environment.getOrDefault("PATH", "")));
    for (Path each : folders) {
      for (String name : names) {
        Path path = each.resolve(name);
        if (Files.exists(path) && !found.contains(path.toString())) {
          found.add(path.toString());
        }
      }
    }
  }

  private static List<Path> besideLauncher(String path) {
    List<Path> folders = new ArrayList<>();
    for (String entry : path.split(File.pathSeparator, -1)) {
      for (String launcher : LAUNCHERS) {
        Path program = Path.of(entry).resolve(launcher);
        if (!entry.isEmpty() && Files.isExecutable(program)) {
          addFoldersOf(program, folders);
        }
      }
    }
    return folders;
  }

  private static void addFoldersOf(Path program, List<Path> folders) {
    try {
      Path home = program.toRealPath().getParent().getParent();
      LIBRARY_FOLDERS.forEach(name -> folders.add(home.resolve(name)));
    } catch (IOException e) {
      LOG.debug("{} cannot be followed to a library", program, e);
    }
  }
}
