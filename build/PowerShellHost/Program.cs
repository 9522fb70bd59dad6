using Xenlet.PowerShellHost;

const int Usage = 2;

if (args.Length == 0)
{
    Console.Error.WriteLine("usage: PowerShellHost SCRIPT.ps1 [ARGUMENT...]");
    return Usage;
}

string script = Path.GetFullPath(args[0]);
if (!File.Exists(script))
{
    Console.Error.WriteLine($"PowerShellHost: there is no script {script}.");
    return Usage;
}

return ScriptRunner.Run(script, args[1..]);
