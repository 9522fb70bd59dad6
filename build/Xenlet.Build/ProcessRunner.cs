using System.Diagnostics;

namespace Xenlet.Build;

/// <summary>Where a command's standard output goes. Its standard error is always this process's.</summary>
internal enum ProcessOutput
{
    /// <summary>To this process's standard output.</summary>
    Inherited,

    /// <summary>To this process's standard error, unbuffered.</summary>
    ToStandardError,
}

/// <summary>Runs commands to their end. A cancellation ends them and everything that they have started.</summary>
/// <param name="cancellationToken">Ends the commands.</param>
internal sealed class ProcessRunner(CancellationToken cancellationToken)
{
    /// <summary>Runs a command. Its standard input is closed unless its output is inherited.</summary>
    /// <returns>Its exit status.</returns>
    /// <exception cref="BuildException">There is no such command.</exception>
    /// <exception cref="OperationCanceledException">The command was ended.</exception>
    public int Run(
        string command, IReadOnlyList<string> arguments, ProcessOutput output, IReadOnlyDictionary<string, string>? environment = null)
    {
        using Process process = Start(command, arguments, redirect: output == ProcessOutput.ToStandardError, environment);
        if (output == ProcessOutput.ToStandardError)
        {
            process.StandardInput.Close();
            using Stream standardError = Console.OpenStandardError();
            Wait(process, process.StandardOutput.BaseStream.CopyToAsync(standardError, cancellationToken));
        }
        else
        {
            Wait(process, Task.CompletedTask);
        }

        return process.ExitCode;
    }

    /// <summary>Runs a command and returns its standard output.</summary>
    /// <exception cref="BuildException">It fails, or it does not exist.</exception>
    /// <exception cref="OperationCanceledException">The command was ended.</exception>
    public string Capture(string command, params IReadOnlyList<string> arguments)
    {
        using Process process = Start(command, arguments, redirect: true, environment: null);
        process.StandardInput.Close();
        Task<string> text = process.StandardOutput.ReadToEndAsync(cancellationToken);
        Wait(process, text);
        return process.ExitCode == 0
            ? text.Result
            : throw new BuildException(
                $"'{command} {string.Join(' ', arguments)}' ended with status {process.ExitCode}: {text.Result.Trim()}");
    }

    private static Process Start(
        string command, IReadOnlyList<string> arguments, bool redirect, IReadOnlyDictionary<string, string>? environment)
    {
        ProcessStartInfo start = new(command, arguments) { RedirectStandardOutput = redirect, RedirectStandardInput = redirect };
        foreach ((string name, string value) in environment ?? new Dictionary<string, string>())
        {
            start.Environment[name] = value;
        }

        try
        {
            return Process.Start(start)!;
        }
        catch (System.ComponentModel.Win32Exception failure)
        {
            throw new BuildException($"cannot start '{command}': {failure.Message}.");
        }
    }

    private void Wait(Process process, Task output)
    {
        try
        {
            process.WaitForExitAsync(cancellationToken).GetAwaiter().GetResult();
            output.GetAwaiter().GetResult();
        }
        catch (OperationCanceledException)
        {
            process.Kill(entireProcessTree: true);
            process.WaitForExit();
            throw;
        }
    }
}
