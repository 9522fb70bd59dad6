using System.Globalization;

namespace Xenlet.Samples;

/// <summary>What the program was asked to do.</summary>
/// <param name="Once">Show the tree and end, without following changes.</param>
/// <param name="Limit">How long changes are followed at most; without end if null.</param>
internal sealed record Arguments(bool Once, TimeSpan? Limit)
{
    public const string Usage = """
        usage: DeviceTree [--once | --seconds N]
          Shows the domain's devices as a tree, then each change as it happens, until `xl shutdown`, Ctrl-C or Ctrl-D.
          --once       show the tree and end
          --seconds N  end N seconds after the tree
        """;

    /// <summary>Reads the arguments of Main; null with a message when they are not understood.</summary>
    public static Arguments? Read(string[] args, out string problem)
    {
        problem = "";
        switch (args)
        {
            case []:
                return new(Once: false, Limit: null);
            case ["--once"]:
                return new(Once: true, Limit: null);
            case ["--seconds", var text]:
                if (uint.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out uint seconds) && seconds <= 86400)
                {
                    return new(Once: false, TimeSpan.FromSeconds(seconds));
                }

                problem = $"--seconds needs a whole number from 0 to 86400, not '{text}'";
                return null;
            case ["--seconds"]:
                problem = "--seconds needs a number";
                return null;
            default:
                problem = $"'{args[0]}' is not understood" + (args.Length > 1 ? " with what follows it" : "");
                return null;
        }
    }
}
