# Completion of bt for PowerShell: bt completion powershell prints it.

Register-ArgumentCompleter -Native -CommandName bt -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)

    $words = @(foreach ($element in $commandAst.CommandElements | Select-Object -Skip 1) {
        if ($element.Extent.EndOffset -lt $cursorPosition) {
            if ($element -is [System.Management.Automation.Language.StringConstantExpressionAst]) { $element.Value } else { "$element" }
        }
    })
    # PowerShell before 7.3 does not pass an empty argument.
    $word = if ($wordToComplete) { $wordToComplete } else { '""' }
    $arguments = @('__complete', 'powershell', '--') + $words + @($word)
    $kind, $values = @(& bt @arguments 2>$null)

    # PowerShell completes names of files itself where nothing is returned.
    if ($kind -notmatch '^(words|part)\t') { return }
    foreach ($line in $values) {
        $value, $description = $line -split "`t", 2
        if (-not $description) { $description = $value }
        [System.Management.Automation.CompletionResult]::new($value, $value, 'ParameterValue', $description)
    }
}
