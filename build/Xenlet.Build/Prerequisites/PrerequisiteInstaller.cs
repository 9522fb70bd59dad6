using Xenlet.Machines;

namespace Xenlet.Build;

/// <summary>Ensures that a command's prerequisites are installed.</summary>
/// <param name="machine">The machine.</param>
/// <param name="say">Receives progress messages, a line at a time.</param>
internal sealed class PrerequisiteInstaller(IMachine machine, Action<string> say)
{
    /// <summary>
    /// Installs the missing ones of <paramref name="prerequisites"/> if possible.
    /// </summary>
    /// <exception cref="BuildException">Something is still missing. The message contains the command that installs it.</exception>
    public void Ensure(params IEnumerable<Prerequisite> prerequisites)
    {
        IReadOnlyList<Prerequisite> missing = Prerequisite.Missing(prerequisites, machine);
        if (missing.Count == 0)
        {
            return;
        }

        string needs = string.Join("; ", missing.Select(prerequisite => prerequisite.Need));
        string[] packages = [.. missing.Select(prerequisite => prerequisite.Package).Distinct()];
        string install = $"apt-get install -y --no-install-recommends {string.Join(' ', packages)}";
        if (!machine.HasCommand("apt-get"))
        {
            throw new BuildException(
                $"missing: {needs}. There is no apt-get here: install what Debian has in {string.Join(", ", packages)}.");
        }

        if (!machine.IsRoot)
        {
            string update = machine.HasPackageLists ? "" : "sudo apt-get update && ";
            throw new BuildException($"missing: {needs}. Install with: {update}sudo {install}");
        }

        say($"missing: {needs}");
        bool updated = !machine.HasPackageLists && Update();
        say(install);
        if (!Install(packages))
        {
            // Outdated lists name packages that the archive no longer has.
            if (updated || !Update() || !Install(packages))
            {
                throw new BuildException(
                    $"could not install {string.Join(' ', packages)}; what apt-get said is above. The command was: {install}");
            }
        }

        IReadOnlyList<Prerequisite> stillMissing = Prerequisite.Missing(missing, machine);
        if (stillMissing.Count > 0)
        {
            throw new BuildException(
                $"still missing after '{install}': {string.Join("; ", stillMissing.Select(prerequisite => prerequisite.Need))}");
        }
    }

    private bool Update()
    {
        say("apt-get update");
        return machine.Run("apt-get", "update", "-q") == 0;
    }

    private bool Install(IEnumerable<string> packages) =>
        machine.Run("apt-get", ["install", "-q", "-y", "--no-install-recommends", .. packages]) == 0;
}
