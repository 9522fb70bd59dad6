using Xenlet.Machines;

namespace Xenlet.Build;

/// <summary>What the prerequisites need to know about the machine, and may do to it.</summary>
internal interface IMachine : IInstalledFiles
{
    /// <summary>Whether this process may install packages.</summary>
    bool IsRoot { get; }

    /// <summary>Whether apt knows any package. Without its lists it can install nothing.</summary>
    bool HasPackageLists { get; }

    /// <summary>Runs a command with its output on standard error.</summary>
    /// <returns>Its exit status.</returns>
    int Run(string command, params IReadOnlyList<string> arguments);
}
