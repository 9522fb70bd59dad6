using Xenlet.Guests;
using Xenlet.QemuXen;
using Xenlet.Tool.Base;
using Xenlet.Tool.Runs;

namespace Xenlet.Tool.CommandLines;

/// <summary><c>xenlet run</c>.</summary>
internal static class RunCommand
{
    public const string Usage = """
        usage: xenlet run IMAGE|NAME.cfg [OPTIONS] [-- ARGUMENT...]

        Boots an image, shows its console, which alone goes to standard output, and ends with the program's exit status. A terminal on
        standard input is the guest's console: every key goes there, Ctrl-C too, and Ctrl-] ends the guest. Otherwise Ctrl-C is
        sent to the guest's console, and a second one ends the guest. Traces gain the names of NAME.debug beside the image.

          IMAGE               an image; NAME.cfg: a configuration for xl, whose kernel= is looked for from its directory, and in it
          --qemu              boot in QEMU itself: no Xen and no devices, in a second
          --xen               boot under real Xen in QEMU; the default where there is a disk or an interface
          --ramdisk FILE      a tar archive whose files lie over the image's, in /app (default: the configuration's ramdisk=)
          --memory MIB        memory (default: the configuration's, else 16, or what the image needs)
          --vcpus N           virtual processors (default: the configuration's, else 1)
          --env NAME=VALUE    an environment variable; may be repeated
          --disk MIB          an empty disk; may be repeated
          --network           a network interface, on a bridge of dom0
          --forward [P:]PORT  lets 127.0.0.1:P of this machine lead to a TCP port of the guest; P is PORT, or a free one where that is
                              taken; may be repeated. Lines of the console that end with a service's address there gain this machine's
          --dom0-script FILE  a shell script that dom0 runs beside the guest, whose domain is $GUEST; then the guest is shut down
          --interactive       standard input is the guest's console though it is no terminal
          --dom0 DIRECTORY    where the image of dom0 is kept, which is made once (default ~/.cache/xenlet/dom0)
          --publish PROJECT   run 'dotnet publish PROJECT' first if the image is missing or a source of it is newer
          --configuration C   for --publish (default Release)
          --sources FILE      for --publish: names the sources, a line each
          -- ARGUMENT...      arguments of Main, behind those of the configuration, exactly as they are

        A disk of NAME.cfg is a copy of its target, if that is a file of at most 128 MiB on this machine, else an empty disk of 16 MiB;
        nothing is written back. An interface is on a bridge of dom0's, whatever bridge= says.

        exit status: the program's, as its guest has said it, or
          2    the command line was not understood        126  the guest switched itself off without a status
          1    the image or its configuration is wrong    130  ended by Ctrl-C, 143 by SIGTERM
          123  the script of --dom0-script failed         134  the guest crashed
          125  the guest could not be started             137  ended with Ctrl-], or from outside

        """;

    /// <summary>It takes as much of dom0's memory as is written to it.</summary>
    private const int MaximumDisk = 1024 * 1024;

    public static async Task<int> RunAsync(Words words)
    {
        RunOptions options = Read(words);
        using Interruption interruption = new();
        try
        {
            return await GuestRun.RunAsync(options, interruption);
        }
        catch (OperationCanceledException) when (interruption.Signal is { } signal)
        {
            return 128 + signal;
        }
    }

    /// <summary>Understands the command line.</summary>
    /// <exception cref="ToolException">It is not understood; the message names what.</exception>
    public static RunOptions Read(Words words)
    {
        RunOptions options = new("");
        List<KeyValuePair<string, string>> environment = [];
        while (!words.AtEnd)
        {
            string word = words.Next();
            options = word switch
            {
                "--" => options with { Arguments = words.Rest() },
                "--qemu" => In(World.Qemu),
                "--xen" => In(World.Xen),
                "--ramdisk" => options with { Ramdisk = words.Value(word) },
                "--memory" => options with { Memory = words.Number(word, GuestDescription.MaximumMemory, "MiB") },
                "--vcpus" => options with { VirtualCpus = words.Number(word, GuestDescription.MaximumVirtualCpus, "processors") },
                "--env" => Variable(words.Value(word)),
                "--disk" => options with { Disks = [.. options.Disks, words.Number(word, MaximumDisk, "MiB")] },
                "--network" => options with { Network = true },
                "--forward" => options with { Forwards = [.. options.Forwards, Forward(words.Value(word))] },
                "--dom0-script" => options with { Dom0Script = words.Value(word) },
                "--interactive" => options with { Interactive = true },
                "--dom0" => options with { Dom0Directory = words.Value(word) },
                "--publish" => options with { Publish = words.Value(word) },
                "--configuration" => options with { Configuration = words.Value(word) },
                "--sources" => options with { Sources = words.Value(word) },
                _ when options.Image.Length > 0 =>
                    throw words.Misunderstood($"unexpected '{words.Operand(word)}' (arguments for the program follow '--')"),
                _ => options with { Image = words.Operand(word) },
            };
        }

        if (options.Image.Length == 0)
        {
            throw words.Misunderstood("IMAGE or NAME.cfg is missing");
        }

        if (options is { World: World.Qemu }
            and ({ Disks.Count: > 0 } or { Network: true } or { Forwards.Count: > 0 } or { Dom0Script: not null }))
        {
            throw words.Misunderstood("'--disk', '--network', '--forward' and '--dom0-script' need Xen, and '--qemu' was given");
        }

        return options with { Environment = environment };

        RunOptions In(World world) => options.World is null || options.World == world
            ? options with { World = world }
            : throw words.Misunderstood("'--qemu' and '--xen' are two worlds; name one");

        ForwardedPort Forward(string text) => ForwardedPort.Parse(text)
            ?? throw words.Misunderstood($"'--forward {text}' is not of the form PORT or PORT:PORT, with ports from 1 to 65535");

        RunOptions Variable(string text)
        {
            int equals = text.IndexOf('=', StringComparison.Ordinal);
            if (equals < 0 || !GuestCommandLine.IsVariableName(text[..equals]))
            {
                throw words.Misunderstood(
                    $"'--env {text}' is not of the form NAME=VALUE, where NAME is letters, digits and '_' and begins with no digit");
            }

            environment.Add(new(text[..equals], text[(equals + 1)..]));
            return options;
        }
    }
}
