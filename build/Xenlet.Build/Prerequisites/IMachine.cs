namespace Xenlet.Build;

/// <summary>What the prerequisites need to know about the machine, and may do to it.</summary>
internal interface IMachine
{
    /// <summary>Whether this process may install packages.</summary>
    bool IsRoot { get; }

    /// <summary>Whether apt knows any package. Without its lists it can install nothing.</summary>
    bool HasPackageLists { get; }

    /// <summary>Whether <paramref name="name"/> is an executable on PATH.</summary>
    bool HasCommand(string name);

    /// <summary>Whether a file exists at this absolute path.</summary>
    bool HasFile(string path);

    /// <summary>Runs a command with its output on standard error.</summary>
    /// <returns>Its exit status.</returns>
    int Run(string command, params IReadOnlyList<string> arguments);
}
