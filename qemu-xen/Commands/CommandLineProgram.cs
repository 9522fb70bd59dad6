using System.Globalization;
using System.Runtime.InteropServices;

namespace Xenlet.QemuXen.Commands;

/// <summary>The program's commands; <see cref="Usage"/> describes them.</summary>
internal static class CommandLineProgram
{
    private const int BadUsage = 2;

    private const string Usage = """
        Xenlet.QemuXen: real Xen 4.17 with a Debian dom0 in an emulator

          prepare                    make the dom0 image from Debian's packages, if it is not there
          run --kernel FILE          boot, xl create, show the guest's console, end with its exit status
            --name NAME              name of the domain (default: the file's name)
            --ramdisk FILE           the guest's ramdisk
            --memory MIB             memory (default 32)
            --maxmem MIB             memory it may grow to
            --vcpus N                virtual processors (default 1)
            --cmdline TEXT           the guest's command line
            --interactive            the terminal is the guest's console; Ctrl-] ends
            --no-xen                 QEMU's own PVH boot instead of Xen
            --limit SECONDS          longest time the guest may take
            --log                    show the guest's lines from port 0xE9 at the end
          config --kernel FILE       print the xl configuration of the same options
          shell                      a shell in dom0; Ctrl-] ends
          exec COMMAND...            one shell command in dom0

          --machine amd|intel        QEMU with AMD's virtualisation (default), or Bochs with Intel's
          --dom0 DIRECTORY           cache of dom0 images (default artifacts/dom0)
          --time-scale FACTOR        factor on every limit, for slow machines

        run ends with the status in the guest's last line "xenlet: exit N"; 124: limit passed; 125: could not start;
        126: powered off without that line; 134: crashed or restarted; 137: destroyed or left with Ctrl-].
        """;

    private static readonly HashSet<string> Flags = new(StringComparer.Ordinal) { "--interactive", "--no-xen", "--log" };

    /// <summary>Runs a command and returns the process's exit status.</summary>
    public static async Task<int> RunAsync(string[] arguments)
    {
        using CancellationTokenSource stop = new();
        using PosixSignalRegistration interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Cancel);
        using PosixSignalRegistration terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Cancel);
        using PosixSignalRegistration hangUp = PosixSignalRegistration.Create(PosixSignal.SIGHUP, Cancel);
        try
        {
            (Dictionary<string, string> options, List<string> words) = Parse(arguments);
            return await DispatchAsync(options, words, stop.Token);
        }
        catch (OperationCanceledException)
        {
            return 130;
        }
        catch (FormatException e)
        {
            await Console.Error.WriteLineAsync($"{e.Message}\n\n{Usage}");
            return BadUsage;
        }
        catch (Exception e) when (e is QemuXenException or ArgumentException)
        {
            await Console.Error.WriteLineAsync(e.Message);
            return GuestRunner.CouldNotStart;
        }

        void Cancel(PosixSignalContext context)
        {
            context.Cancel = true;
            stop.Cancel();
        }
    }

    private static async Task<int> DispatchAsync(
        Dictionary<string, string> options, List<string> words, CancellationToken cancellationToken)
    {
        LineProgress progress = new();
        string dom0 = options.GetValueOrDefault("--dom0", Dom0Image.DefaultDirectory);
        double scale = double.Parse(options.GetValueOrDefault("--time-scale", "1"), CultureInfo.InvariantCulture);
        EmulatedMachine machineKind = options.GetValueOrDefault("--machine", "amd") switch
        {
            "amd" => EmulatedMachine.Amd,
            "intel" => EmulatedMachine.Intel,
            string other => throw new FormatException($"--machine is amd or intel, not '{other}'."),
        };
        switch (words)
        {
            case ["prepare"]:
                Dom0Image image = await Dom0Image.PrepareAsync(dom0, progress, cancellationToken);
                Console.WriteLine(image.Directory);
                return 0;

            case ["config"]:
                Console.Write(Guest(options).ToXlConfig());
                return 0;

            case ["run"]:
                GuestRunnerOptions run = new GuestRunnerOptions
                {
                    Guest = Guest(options),
                    Dom0Directory = dom0,
                    Machine = machineKind,
                    NoXen = options.ContainsKey("--no-xen"),
                    Interactive = options.ContainsKey("--interactive"),
                    Limit = options.TryGetValue("--limit", out string? limit)
                        ? TimeSpan.FromSeconds(double.Parse(limit, CultureInfo.InvariantCulture))
                        : null,
                    TimeScale = scale,
                    Progress = progress,
                    HypervisorLog = options.ContainsKey("--log") ? line => Console.Error.WriteLine("0xE9: " + line) : null,
                };
                return await GuestRunner.RunAsync(
                    run, StandardInput.Open(), Console.OpenStandardOutput(), Console.Error, cancellationToken);

            case ["shell"]:
                await using (XenMachine machine = await XenMachine.StartAsync(
                    new() { Dom0Directory = dom0, Machine = machineKind, InRealTime = true, TimeScale = scale, Progress = progress },
                    cancellationToken))
                {
                    progress.Report("a shell in dom0; Ctrl-] ends");
                    return await Dom0Shell.RunAsync(machine, StandardInput.Open(), Console.OpenStandardOutput(), cancellationToken);
                }

            case ["exec", .. var command] when command.Count > 0:
                await using (XenMachine machine = await XenMachine.StartAsync(
                    new() { Dom0Directory = dom0, Machine = machineKind, TimeScale = scale, Progress = progress }, cancellationToken))
                {
                    CommandResult result = await machine.RunInDom0Async(
                        string.Join(' ', command), TimeSpan.FromMinutes(10), cancellationToken);
                    Console.Write(result.Output);
                    await Console.Error.WriteAsync(result.Error);
                    return result.ExitCode;
                }

            case ["help"]:
                Console.WriteLine(Usage);
                return 0;

            default:
                throw new FormatException(words.Count == 0 ? "No command." : $"No such command: {string.Join(' ', words)}");
        }
    }

    private static (Dictionary<string, string> Options, List<string> Words) Parse(string[] arguments)
    {
        Dictionary<string, string> options = new(StringComparer.Ordinal);
        List<string> words = new();
        for (int i = 0; i < arguments.Length; i++)
        {
            string argument = arguments[i];
            if (!argument.StartsWith("--", StringComparison.Ordinal) || words is ["exec", ..])
            {
                words.Add(argument);
            }
            else if (Flags.Contains(argument))
            {
                options[argument] = "";
            }
            else if (!Usage.Contains($" {argument} ", StringComparison.Ordinal))
            {
                throw new FormatException($"No such option: {argument}");
            }
            else if (++i == arguments.Length)
            {
                throw new FormatException($"{argument} needs a value.");
            }
            else
            {
                options[argument] = arguments[i];
            }
        }

        return (options, words);
    }

    private static GuestConfig Guest(Dictionary<string, string> options)
    {
        string kernel = options.GetValueOrDefault("--kernel") ?? throw new FormatException("--kernel is missing.");
        return new()
        {
            Name = options.GetValueOrDefault("--name", Path.GetFileNameWithoutExtension(kernel)),
            Kernel = kernel,
            Ramdisk = options.GetValueOrDefault("--ramdisk"),
            MemoryMiB = Number("--memory", 32),
            MaxMemoryMiB = options.ContainsKey("--maxmem") ? Number("--maxmem", 0) : null,
            VCpus = Number("--vcpus", 1),
            CommandLine = options.GetValueOrDefault("--cmdline", ""),
        };

        int Number(string option, int otherwise) =>
            !options.TryGetValue(option, out string? text) ? otherwise
            : int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int number) ? number
            : throw new FormatException($"{option} needs a number, not '{text}'.");
    }

    /// <summary>Writes each step to standard error as it begins.</summary>
    private sealed class LineProgress : IProgress<string>
    {
        public void Report(string value) => Console.Error.WriteLine(value);
    }
}
