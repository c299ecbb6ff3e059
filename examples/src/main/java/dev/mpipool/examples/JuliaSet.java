package dev.mpipool.examples;

import dev.mpipool.MPIExecutor;
import java.awt.image.BufferedImage;
import java.io.File;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.stream.IntStream;
import javax.imageio.ImageIO;

/** A Julia set: each scanline is a task. Arguments: file (julia.png), width in pixels (1280). */
public final class JuliaSet {

  private static final double RE = -0.8;
  private static final double IM = 0.156;

  private JuliaSet() {}

  /** The colors of one line of the picture. */
  private static int[] scanline(int y, int width, int height) {
    double scale = 3.2 / width;
    return IntStream.range(0, width)
        .map(x -> color(escapeTime((x - width / 2.0) * scale, (y - height / 2.0) * scale)))
        .toArray();
  }

  /** How many steps of z -> z² + c lead out of the circle of radius 10, smoothed; 0 for none. */
  private static double escapeTime(double re, double im) {
    double x = re;
    double y = im;
    for (int step = 0; step < 500; step++) {
      double square = x * x + y * y;
      if (square > 100) {
        return step + 1 - Math.log(Math.log(square) / 2 / Math.log(2)) / Math.log(2);
      }
      double next = x * x - y * y + RE;
      y = 2 * x * y + IM;
      x = next;
    }
    return 0;
  }

  private static int color(double time) {
    double t = Math.min(1, Math.log1p(Math.max(0, time)) / Math.log(500));
    int red = (int) (255 * Math.pow(t, 1.2));
    int green = (int) (255 * t * t);
    int blue = (int) (255 * Math.sin(Math.PI * Math.sqrt(t)));
    return red << 16 | green << 8 | Math.max(0, blue);
  }

  public static void main(String[] args) {
    MPIExecutor.run(
        args,
        (executor, arguments) -> {
          File file = new File(arguments.length > 0 ? arguments[0] : "julia.png");
          int width = arguments.length > 1 ? Integer.parseInt(arguments[1]) : 1280;
          int height = width * 3 / 5;

          List<CompletableFuture<int[]>> lines =
              IntStream.range(0, height)
                  .mapToObj(y -> executor.submit(JuliaSet::scanline, y, width, height))
                  .toList();

          BufferedImage image = new BufferedImage(width, height, BufferedImage.TYPE_INT_RGB);
          for (int y = 0; y < height; y++) {
            image.setRGB(0, y, width, 1, lines.get(y).get(), 0, width);
          }
          ImageIO.write(image, "png", file);
          System.out.printf("%s: %d lines from %d workers%n", file, height, executor.size());
        });
  }
}
