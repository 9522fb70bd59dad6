using Xenlet.QemuXen.Machine;

namespace Xenlet.QemuXen;

/// <summary>Gives dom0 programs of this machine.</summary>
public static class XenMachinePrograms
{
    /// <summary>Where they and their libraries, most of which they share, lie in dom0, in its memory: /bin has a script for each.</summary>
    private const string Directory = "/tmp/programs";

    /// <summary>Copies a program that is installed on this machine into dom0, where its name then is a command.</summary>
    /// <param name="machine">The machine.</param>
    /// <param name="name">The program's name, such as curl.</param>
    /// <param name="cancellationToken">Ends the copying.</param>
    /// <remarks>Its libraries come with it. What else it reads at run time, such as certificates of authorities, does not.</remarks>
    /// <exception cref="QemuXenException">It is not installed.</exception>
    public static async Task InstallProgramAsync(this XenMachine machine, string name, CancellationToken cancellationToken = default)
    {
        InstalledProgram program = await InstalledProgram.FindAsync(name, cancellationToken);
        string copies = string.Join('\n', program.Libraries.Prepend(program.Interpreter).Prepend(program.Path).Select(
            file => $"give '{machine.Share(file)}' {Path.GetFileName(file)}"));

        // A copy gets its name when it is complete: two programs with the same library may be copied at once.
        string script = $$"""
            set -e
            mkdir -p {{Directory}}
            give() { [ -e {{Directory}}/$2 ] || { cp $1 {{Directory}}/$2.{{name}} && mv {{Directory}}/$2.{{name}} {{Directory}}/$2; }; }
            {{copies}}
            cat > /bin/{{name}} <<'END'
            #!/bin/sh
            exec {{Directory}}/{{Path.GetFileName(program.Interpreter)}} --library-path {{Directory}} {{Directory}}/{{name}} "$@"
            END
            chmod +x /bin/{{name}}
            """;
        (await machine.RunInDom0Async(script, cancellationToken: cancellationToken)).ThrowIfFailed($"copying {program.Path} into dom0");
    }
}
